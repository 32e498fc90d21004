import Addresses
import BootProtocols
import Foundation
import Testing

@Suite struct EntryStubTests {
  static let place = PhysicalAddress(0x20_0aa0)

  /// Every register different, with bits in the upper halves.
  static func state(at place: PhysicalAddress = place) -> LongModeState {
    var registers = LongModeState.GeneralRegisters()
    registers.rax = 0x1111_2222_3333_4440
    registers.rcx = 0x1111_2222_3333_4441
    registers.rdx = 0x8111_2222_3333_4442
    registers.rbx = 0x1111_2222_3333_4443
    registers.rsp = 0xffff_8000_0000_3000
    registers.rbp = 5
    registers.rsi = 0xffff_ffff_ffff_ff86
    registers.rdi = 0xdead_beef_0000_0007
    registers.r8 = 1 << 63
    registers.r9 = 9
    registers.r10 = 10
    registers.r11 = 11
    registers.r12 = 0xcccc_cccc_cccc_cccc
    registers.r13 = 13
    registers.r14 = 14
    registers.r15 = 0xf000_0000_0000_000f
    return LongModeState(
      rip: VirtualAddress(0xffff_ffff_8020_0123), registers: registers, cr3: PhysicalAddress(0x30_0000),
      gdtBase: place.value + EntryStub.gdtOffset, gdtLimit: GlobalDescriptorTable.limit)
  }

  @Test func dataBehindTheCode() throws {
    let bytes = try EntryStub(entry: Self.state(), at: Self.place).bytes
    #expect(bytes.count == Int(EntryStub.size))
    let table = Int(EntryStub.gdtOffset)
    // null, null, 64-bit code, data
    #expect((0..<4).map { bytes.integer(at: table + 8 * $0) } == [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff])
    // GDTR: limit 4 × 8 - 1, base; IDTR: limit 0, base 0.
    #expect(bytes.integer(at: table + 32, size: 2) == 31)
    #expect(bytes.integer(at: table + 34, size: 4) == 0x20_0aa0 + EntryStub.gdtOffset)
    #expect(bytes[(table + 38)..<(table + 48)].allSatisfy { $0 == 0 })
    #expect(bytes.integer(at: table + 48) == 2)
    #expect(bytes.integer(at: table + 56) == 0xffff_ffff_8020_0123)
  }

  /// The disassembler of GNU binutils reads the 32-bit half as the order of Intel SDM vol. 3A, 9.8.5.
  @Test(.enabled(if: toolPath("objdump") != nil, "objdump (package binutils) is not installed"))
  func disassemblyOfTheProtectedModeHalf() throws {
    let listing = try disassemble(machine: "i386", from: 0)
    #expect(
      listing.prefix(12) == [
        "lgdtl 0x200be0", "mov $0x20,%eax", "mov %eax,%cr4", "mov $0x300000,%eax", "mov %eax,%cr3",
        "mov $0xc0000080,%ecx",
        // NXE | LME: 0xd00 without LMA, which the processor sets.
        "mov $0x900,%eax", "mov $0x0,%edx", "wrmsr", "mov $0x80010011,%eax", "mov %eax,%cr0",
        "ljmp $0x10,$0x200ad7",
      ])
  }

  @Test(.enabled(if: toolPath("objdump") != nil, "objdump (package binutils) is not installed"))
  func disassemblyOfTheLongModeHalf() throws {
    // 0x200ad7 is where the far jump leads.
    let listing = try disassemble(machine: "i386:x86-64", from: 0x37)
    #expect(
      listing.prefix(27) == [
        "mov $0x0,%eax", "lldt %ax", "mov $0x18,%eax", "mov %eax,%ds", "mov %eax,%es", "mov %eax,%ss", "mov %eax,%fs",
        "mov %eax,%gs", "lidt 0xf1(%rip)", "movabs $0x200bf0,%rsp", "popf", "movabs $0x1111222233334440,%rax",
        "movabs $0x1111222233334441,%rcx", "movabs $0x8111222233334442,%rdx", "movabs $0x1111222233334443,%rbx",
        "movabs $0xffff800000003000,%rsp", "movabs $0x5,%rbp", "movabs $0xffffffffffffff86,%rsi",
        "movabs $0xdeadbeef00000007,%rdi", "movabs $0x8000000000000000,%r8", "movabs $0x9,%r9", "movabs $0xa,%r10",
        "movabs $0xb,%r11", "movabs $0xcccccccccccccccc,%r12", "movabs $0xd,%r13", "movabs $0xe,%r14",
        "movabs $0xf00000000000000f,%r15",
      ])
    // The last instruction jumps through the last eight bytes: from 0x200ba6 on, 0x200bf8 lies 0x52 ahead.
    #expect(listing.dropFirst(27).first == "jmp *0x52(%rip)")
  }

  /// Instructions without addresses, bytes and comments, one space between words.
  private func disassemble(machine: String, from offset: Int) throws -> [String] {
    let bytes = try EntryStub(entry: Self.state(), at: Self.place).bytes
    let listing = try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("stub")
      try Data(bytes).write(to: file)
      return try run(
        "objdump",
        [
          "-D", "-b", "binary", "-m", machine, "--adjust-vma=0x200aa0", "--no-show-raw-insn",
          "--start-address=\(0x20_0aa0 + offset)", file.path,
        ])
    }
    return listing.split(separator: "\n").filter { $0.hasPrefix("  ") }.map { line in
      let instruction = line.drop { $0 != "\t" }.prefix { $0 != "#" }
      return instruction.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
  }

  @Test(
    arguments: [
      // Above 4 GiB; not 16-byte aligned; the last bytes on the next page.
      0x1_0000_0000, 0x20_0008, 0x20_0eb0,
    ] as [UInt64])
  func placesThatAreRefused(place: UInt64) {
    let place = PhysicalAddress(place)
    let error = refusal(of: Self.state(at: place), at: place)
    #expect(error?.field == .address && error?.found == place.value)
  }

  private func refusal(of state: LongModeState, at place: PhysicalAddress) -> EntryStubError? {
    do throws(EntryStubError) {
      _ = try EntryStub(entry: state, at: place)
      return nil
    } catch {
      return error
    }
  }

  @Test func lastPlaceOnAPage() throws {
    // 0x1000 - 0x160
    let place = PhysicalAddress(0x20_0ea0)
    #expect(try EntryStub(entry: Self.state(at: place), at: place).bytes.count == 0x160)
  }

  @Test func statesThatAreRefused() {
    func refused(_ field: EntryStubError.Field, _ found: UInt64, _ change: (inout LongModeState) -> Void) {
      var state = Self.state()
      change(&state)
      let error = refusal(of: state, at: Self.place)
      #expect(error?.field == field && error?.found == found)
    }
    refused(.cr3, 0x1_0000_0000) { $0.cr3 = PhysicalAddress(0x1_0000_0000) }
    refused(.cr0, 0x11) { $0.cr0 = 0x11 }
    refused(.cr0, 0x1_8000_0011) { $0.cr0 = 0x1_8000_0011 }
    refused(.cr4, 0) { $0.cr4 = 0 }
    // PCIDE can only be set in 64-bit mode (Intel SDM vol. 3A, 4.10.1).
    refused(.cr4, 0x2_0020) { $0.cr4 = 0x2_0020 }
    refused(.efer, 0x800) { $0.efer = 0x800 }
    refused(.rflags, 0x202) { $0.rflags = 0x202 }
    refused(.rflags, 0x102) { $0.rflags = 0x102 }
    refused(.rflags, 0) { $0.rflags = 0 }
    refused(.codeSelector, 8) { $0.codeSelector = 8 }
    refused(.dataSelector, 0x10) { $0.dataSelector = 0x10 }
    refused(.gdtBase, 0x500) { $0.gdtBase = 0x500 }
    refused(.gdtLimit, 39) { $0.gdtLimit = 39 }
  }

  @Test func upperHalfOfEFERIsLoaded() throws {
    var state = Self.state()
    state.efer |= 7 << 32
    let bytes = try EntryStub(entry: state, at: Self.place).bytes
    // mov $7,%edx; wrmsr
    let wanted: [UInt8] = [0xba, 7, 0, 0, 0, 0x0f, 0x30]
    #expect((0..<64).contains { Array(bytes[$0..<($0 + 7)]) == wanted })
  }
}

@Suite struct PVHNoteTests {
  @Test func bytes() throws {
    let note = try #require(PVHNote(entry: PhysicalAddress(0x20_0aa0)))
    #expect(
      note.bytes == [
        4, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, 0x58, 0x65, 0x6e, 0, 0xa0, 0x0a, 0x20, 0, 0, 0, 0, 0,
      ])
    #expect(note.bytes.count == PVHNote.byteCount)
    #expect(PVHNote(entry: PhysicalAddress(0xffff_ffff)) != nil)
    #expect(PVHNote(entry: PhysicalAddress(0x1_0000_0000)) == nil)
  }
}
