import Addresses
import Machines
import Testing

/// One access through one large page on each guest: that guest and test understand each other. All tables begin at
/// `free`; the frame with the marks is behind them.
@Suite struct RunProbesTests {
  private static let mark: UInt64 = 0x1122_3344_5566_7788

  /// 32-bit paging with 4 MiB pages (Intel SDM vol. 3A, table 5-4): P, RW, PS are bits 0, 1 and 7. CR4.PSE is bit 4, CR0
  /// has PE, ET, WP and PG.
  @Test func x86() throws {
    let guest = ProbeGuest.x86
    let set = ProbeSet(
      control: [guest.free, 0x10, 0, 0x8001_0011],
      probes: [
        Probe(address: 0x0140_2000, kind: .load), Probe(address: 0x0140_2010, kind: .store, operand: 0x99),
        Probe(address: 0x0180_0000, kind: .load),
      ])
    let results = try runProbes(guest, sets: [set]) { memory in
      // 0 to itself for the guest; 0x140_0000 (entry 5) to 0x100_0000.
      memory.storeEntry(0x83, at: PhysicalAddress(guest.free))
      memory.store([0x83, 0, 0x00, 0x01], at: PhysicalAddress(guest.free + 5 * 4))
      memory.storeEntry(Self.mark, at: PhysicalAddress(guest.free + 0x2000))
    } inspect: { memory in
      #expect(memory.loadWord(at: PhysicalAddress(guest.free + 0x2010)) == 0x99)
    }
    #expect(results[0][0] == ProbeResult(status: 0, value: 0x5566_7788, faultAddress: 0))
    #expect(!results[0][1].didFault)
    // Vector 14, error code 0: a read by the supervisor of what is not present (Intel SDM vol. 3A, figure 5-12).
    #expect(results[0][2] == ProbeResult(status: 1 << 63 | 14 << 32, value: 0, faultAddress: 0x0180_0000))
  }

  /// 4 KiB granule, 39-bit addresses: the level 1 block of 1 GiB has bits 0 (valid) and 10 (accessed) (Arm ARM DDI 0487,
  /// D8.3). TCR_EL1 is T0SZ 25, write-back, inner shareable, IPS 40 bits.
  @Test func aarch64() throws {
    let guest = ProbeGuest.aarch64
    let set = ProbeSet(
      control: [0, guest.free, 0x2_0000_3519, 0xff],
      probes: [
        Probe(address: 0x0100_2000, kind: .load), Probe(address: 0x0100_2010, kind: .store, operand: 0x99),
        Probe(address: 0x4000_0000, kind: .load), Probe(address: 0x0100_2000, kind: .translate),
      ])
    let results = try runProbes(guest, sets: [set]) { memory in
      // 0 to 0x4000_0000, where memory begins.
      memory.storeEntry(0x4000_0401, at: PhysicalAddress(guest.free))
      memory.storeEntry(Self.mark, at: PhysicalAddress(guest.free + 0x2000))
    } inspect: { memory in
      #expect(memory.loadEntry(at: PhysicalAddress(guest.free + 0x2010)) == 0x99)
    }
    #expect(results[0][0] == ProbeResult(status: 0, value: Self.mark, faultAddress: 0))
    #expect(!results[0][1].didFault)
    // EC 0x25, a data abort at the same level; IL; DFSC 5, a translation fault of level 1.
    #expect(results[0][2] == ProbeResult(status: 1 << 63 | 0x9600_0005, value: 0, faultAddress: 0x4000_0000))
    // PAR_EL1 has the address in bits 47 to 12, and no fault in bit 0.
    #expect(results[0][3].value & 0xffff_ffff_f001 == guest.free + 0x2000)
  }

  /// Sv39, Sv48 and Sv57 (satp.MODE 8, 9, 10): a leaf in the root is V, R, W, A and D, bits 0, 1, 2, 6 and 7 (RISC-V
  /// privileged specification, “Sv39”).
  @Test(arguments: [8, 9, 10] as [UInt64])
  func riscv64(mode: UInt64) throws {
    let guest = ProbeGuest.riscv64
    // Entry 0 of the root covers 2³⁰, 2³⁹ or 2⁴⁸ bytes, and so does its frame: it begins at 0x8000_0000 only in Sv39.
    let frame = mode == 8 ? guest.ramBase : 0
    let address = guest.free + 0x2000 - frame
    let outside = UInt64(1) << (30 + 9 * (mode - 8))
    let set = ProbeSet(
      control: [mode << 60 | guest.free >> 12],
      probes: [
        Probe(address: address, kind: .load), Probe(address: address + 0x10, kind: .store, operand: 0x99),
        Probe(address: outside, kind: .load),
      ])
    let results = try runProbes(guest, features: ["svpbmt=on", "svnapot=on"], sets: [set]) { memory in
      memory.storeEntry(frame >> 2 | 0xc7, at: PhysicalAddress(guest.free))
      memory.storeEntry(Self.mark, at: PhysicalAddress(guest.free + 0x2000))
    } inspect: { memory in
      #expect(memory.loadEntry(at: PhysicalAddress(guest.free + 0x2010)) == 0x99)
    }
    #expect(results[0][0] == ProbeResult(status: 0, value: Self.mark, faultAddress: 0))
    #expect(!results[0][1].didFault)
    // mcause 13: load page fault.
    #expect(results[0][2] == ProbeResult(status: 1 << 63 | 13, value: 0, faultAddress: outside))
  }

  /// satp.MODE 11 is reserved: the guest sees that it does not stick.
  @Test func aGuestThatFailsIsQuoted() throws {
    let set = ProbeSet(control: [11 << 60], probes: [])
    let error = try #require(throws: ProbeRunFailed.self) { try runProbes(.riscv64, sets: [set]) { _ in } }
    #expect(error.failure == 3)
    #expect(error.failureDetails == [0, 0, 11 << 60, 0])
    #expect(error.description.contains("control value not taken"), "\(error)")
  }

  @Test func aRefusedProcessorFeatureIsQuoted() throws {
    let error = try #require(throws: MachineError.self) {
      try runProbes(.riscv64, features: ["no-such-feature=on"], sets: []) { _ in }
    }
    #expect("\(error)".contains("no-such-feature"))
  }

  /// While the guest waits with `control[3]` set, QEMU's own walker answers for its tables.
  @Test func aParkedGuestAnswersTheMonitor() throws {
    let guest = ProbeGuest.riscv64
    let set = ProbeSet(control: [8 << 60 | guest.free >> 12, 0, 0, 1], probes: [])
    var found: PhysicalAddress?
    _ = try runProbes(guest, sets: [set]) { memory in
      memory.storeEntry(guest.ramBase >> 2 | 0xc7, at: PhysicalAddress(guest.free))
    } parked: { machine in
      try waitUntilParked(machine)
      found = try machine.physicalAddress(of: VirtualAddress(0x1234_5678))
    }
    #expect(found == PhysicalAddress(guest.ramBase + 0x1234_5678))
  }
}
