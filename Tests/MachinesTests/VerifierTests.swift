import Addresses
import BootProtocols
import Placement
import Testing

@testable import Machines

/// A real guest at its entry, as planned and then damaged in one place after another.
@Suite struct VerifierTests {
  private func write(_ bytes: [UInt8], at address: UInt64, of machine: QEMUMachine) {
    machine.memory?.file.withMutableBytes { memory in
      for (offset, byte) in bytes.enumerated() {
        memory.storeBytes(of: byte, toByteOffset: Int(address) + offset, as: UInt8.self)
      }
    }
  }

  @Test func aMachineAsPlannedHasNoDifferences() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    let report = try guest.verify(machine)
    #expect(report.differences == [])
    #expect(report.isAsPlanned)
    // The stub's 132 bytes, 38 of descriptors, the tables, 32 of text, 8 and 0xff0 of data.
    let tables = UInt64(guest.plan.pageTables.frames) * 4096
    #expect(report.bytesCompared == 132 + 38 + tables + 32 + 8 + 0xff0)
    // Four small pages, and the 64 MiB of the direct map in 2 MiB pages.
    #expect(report.pagesCompared == 4 + 32)
    // 16 general registers, RIP, RFLAGS, CR0, CR3, CR4, EFER, four selectors, GDTR's base and limit, the mode of CS.
    #expect(report.registersCompared == 29)
    #expect(report.addressesAsked == 2 * 5)
    #expect(try machine.run() == .matched(line: "64-bit"))
  }

  @Test func aWrongByteIsFound() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    write([0xaa, 0xbb], at: VerifiedGuest.data + 3, of: machine)
    write([0x01], at: VerifiedGuest.data + 0x800, of: machine)
    let report = try guest.verify(machine)
    #expect(
      report.differences == [
        Difference(
          subject: .bytes, place: "physical [0x121003, 0x121005)", owner: "data", expected: "04 05", found: "aa bb"),
        Difference(subject: .bytes, place: "physical [0x121800, 0x121801)", owner: "data", expected: "00", found: "01"),
      ])
  }

  @Test func accessedAndDirtyBitsAreTheProcessors() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    // The processor has set the accessed bit of the root's entry for the kernel, index 511, which the plan left clear
    // or set.
    let entry = machine.memory?.loadEntry(at: PhysicalAddress(VerifiedGuest.tables + 511 * 8)) ?? 0
    #expect(entry & 0x21 == 0x21)
    write([UInt8(truncatingIfNeeded: entry) & ~0x60], at: VerifiedGuest.tables + 511 * 8, of: machine)
    #expect(try guest.verify(machine).isAsPlanned)
    write([UInt8(truncatingIfNeeded: entry) | 0x60], at: VerifiedGuest.tables + 511 * 8, of: machine)
    #expect(try guest.verify(machine).isAsPlanned)
  }

  @Test func aLostMappingIsFoundByBothWalkers() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    // The root's entry for the direct map: bits 47:39 of 0xffff888000000000 are 273.
    write([UInt8](repeating: 0, count: 8), at: VerifiedGuest.tables + 273 * 8, of: machine)
    let report = try guest.verify(machine)
    #expect(
      report.differences.contains(
        Difference(
          subject: .missingMapping, place: "virtual [0xffff888000000000, 0xffff888004000000)", owner: "direct map",
          expected: "physical 0x0, rw-", found: "not mapped")))
    // The bytes of the table differ too; QEMU's walker misses the first and the last page.
    #expect(report.differences.contains { $0.subject == .bytes && $0.owner == "page tables" })
    #expect(report.differences.filter { $0.subject == .otherWalker }.count == 2)
    #expect(report.pagesCompared == 4)
  }

  @Test func aMappingThatNobodyPlannedIsFound() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    // Index 1 of the root shows what index 0 shows: the two pages at 0x100000 again, 512 GiB higher.
    let entry = machine.memory?.loadEntry(at: PhysicalAddress(VerifiedGuest.tables)) ?? 0
    write((0..<8).map { UInt8(truncatingIfNeeded: entry >> ($0 * 8)) }, at: VerifiedGuest.tables + 8, of: machine)
    let extra = try guest.verify(machine).differences.filter { $0.subject == .extraMapping }
    #expect(
      extra == [
        Difference(
          subject: .extraMapping, place: "virtual [0x8000100000, 0x8000101000)", owner: "", expected: "not mapped",
          found: "physical 0x100000, r-x"),
        Difference(
          subject: .extraMapping, place: "virtual [0x8000101000, 0x8000102000)", owner: "", expected: "not mapped",
          found: "physical 0x101000, r--"),
      ])
  }

  @Test func otherRightsAndAnotherPlaceAreFound() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    let text = try leaf(of: VerifiedGuest.kernel, in: machine)
    // R/W, bit 1, in the entry of the text page.
    write([UInt8(truncatingIfNeeded: text.value | 0x02)], at: text.address, of: machine)
    // The data page's frame 0x121 becomes 0x122: bit 12 is bit 4 of the second byte.
    let data = try leaf(of: VerifiedGuest.kernel + 0x1000, in: machine)
    write([0x20, 0x12], at: data.address + 1, of: machine)
    let report = try guest.verify(machine)
    #expect(
      report.differences.filter { $0.subject == .rights } == [
        Difference(
          subject: .rights, place: "virtual [0xffffffff80200000, 0xffffffff80201000)", owner: "text", expected: "r-x",
          found: "rwx")
      ])
    #expect(
      report.differences.filter { $0.subject == .physicalAddress } == [
        Difference(
          subject: .physicalAddress, place: "virtual [0xffffffff80201000, 0xffffffff80202000)", owner: "data",
          expected: "0x121000", found: "0x122000")
      ])
  }

  @Test func anEntryThatCannotBeFollowedIsFound() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    // Bit 7 must be zero in an entry of the root.
    let entry = machine.memory?.loadEntry(at: PhysicalAddress(VerifiedGuest.tables)) ?? 0
    write([UInt8(truncatingIfNeeded: entry) | 0x80], at: VerifiedGuest.tables, of: machine)
    let report = try guest.verify(machine)
    #expect(report.differences.contains { $0.subject == .tableEntry && $0.found.contains("reserved bits 0x80") })
    #expect(report.differences.contains { $0.subject == .missingMapping && $0.owner == "stub" })
  }

  @Test func eachRegisterIsCompared() throws {
    let guest = try VerifiedGuest()
    let machine = try guest.stoppedMachine()
    let registers = try machine.registers()
    var expected = try #require(guest.plan.longMode)
    expected.registers.rdi += 1
    expected.registers.r15 = 7
    expected.rflags = 0x202
    expected.cr4 = 0xa0
    expected.dataSelector = 0x20
    expected.gdtLimit = 0x17
    var verifier = Verifier(memory: try #require(machine.memory))
    verifier.compare(registers, with: expected)
    #expect(
      verifier.report.differences.map(\.place) == ["RDI", "R15", "RFLAGS", "CR4", "SS", "DS", "ES", "GDTR limit"])
    #expect(verifier.report.differences.first?.expected == "0x1235")
    #expect(verifier.report.differences.first?.found == "0x1234")
  }

  @Test func onlyTheFirstDifferencesAreKeptAndAllAreCounted() throws {
    let memory = try GuestMemory(size: .mebibytes(16))
    var verifier = Verifier(memory: memory)
    // Every second of 200 bytes differs.
    let expected = (0..<200).map { UInt8($0 % 2) }
    unsafe verifier.compare(expected.span.bytes, at: PhysicalAddress(0x1000), owner: "x")
    #expect(verifier.report.differenceCount == 100)
    #expect(verifier.report.differences.count == 32)
    #expect(verifier.report.bytesCompared == 200)
  }

  @Test func bytesOutsideMemoryAreADifference() throws {
    var verifier = Verifier(memory: try GuestMemory(size: .mebibytes(16)))
    unsafe verifier.compare([1, 2].span.bytes, at: PhysicalAddress(0xff_ffff), owner: "x")
    unsafe verifier.compare([1, 2].span.bytes, at: PhysicalAddress(PhysicalAddress.greatest), owner: "y")
    #expect(verifier.report.differences.map(\.subject) == [.noMemory, .noMemory])
    #expect(verifier.report.bytesCompared == 0)
  }

  /// The entry that maps a 4 KiB page, by QEMU's own dump of the walk: PML4, PDPT, PD and PT index of the address.
  private func leaf(of virtual: UInt64, in machine: QEMUMachine) throws -> (address: UInt64, value: UInt64) {
    var table = VerifiedGuest.tables
    for shift: UInt64 in [39, 30, 21] {
      let entry = try #require(machine.memory?.loadEntry(at: PhysicalAddress(table + (virtual >> shift & 511) * 8)))
      table = entry & 0x000f_ffff_ffff_f000
    }
    let address = table + (virtual >> 12 & 511) * 8
    return (address, try #require(machine.memory?.loadEntry(at: PhysicalAddress(address))))
  }
}
