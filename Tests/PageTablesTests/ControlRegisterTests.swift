import AddressSpace
import PageTables
import Testing

/// TCR_EL1 and satp as roots and formats. Fields by Arm ARM, D19.2.139 (TCR_EL1), and the RISC-V privileged
/// specification, 12.1.11.
@Suite struct ControlRegisterTests {
  struct Case: Sendable {
    var tcr: UInt64
    var half: AArch64Paging.Half
    var granule: AArch64Paging.Granule
    var virtualBits: Int
    var isLarge: Bool
    var physicalBits: UInt8
  }

  /// IPS << 32 | TG1 << 30 | T1SZ << 16 | TG0 << 14 | T0SZ.
  static let cases = [
    Case(
      tcr: 0x5_b510_3510 | 1 << 14, half: .lower, granule: .size64KiB, virtualBits: 48, isLarge: false, physicalBits: 48
    ),
    Case(
      tcr: 5 << 32 | 2 << 30 | 16 << 16 | 16, half: .lower, granule: .size4KiB, virtualBits: 48, isLarge: false,
      physicalBits: 48),
    Case(
      tcr: 2 << 32 | 2 << 30 | 25 << 16 | 16, half: .upper, granule: .size4KiB, virtualBits: 39, isLarge: false,
      physicalBits: 40),
    Case(
      tcr: 5 << 32 | 1 << 30 | 17 << 16 | 16, half: .upper, granule: .size16KiB, virtualBits: 47, isLarge: false,
      physicalBits: 48),
    Case(
      tcr: 6 << 32 | 3 << 30 | 12 << 16 | 16, half: .upper, granule: .size64KiB, virtualBits: 52, isLarge: true,
      physicalBits: 52),
    // Without DS, 4 KiB pages have 48 bits, whatever IPS says.
    Case(
      tcr: 6 << 32 | 2 << 30 | 16 << 16 | 16, half: .upper, granule: .size4KiB, virtualBits: 48, isLarge: false,
      physicalBits: 48),
    Case(
      tcr: 1 << 59 | 6 << 32 | 2 << 30 | 12 << 16 | 16, half: .upper, granule: .size4KiB, virtualBits: 52,
      isLarge: true, physicalBits: 52),
    Case(
      tcr: 5 << 32 | 28 << 16 | 2 << 30 | 2 << 14 | 28, half: .lower, granule: .size16KiB, virtualBits: 36,
      isLarge: false, physicalBits: 48),
  ]

  @Test(arguments: cases) func shapes(of test: Case) throws {
    let registers = AArch64Registers(tcr: test.tcr, ttbr0: 0, ttbr1: 0)
    let format = try registers.tables(of: test.half).format
    #expect(format.paging.granule == test.granule)
    #expect(format.paging.virtualBits == test.virtualBits)
    #expect(format.paging.hasLargeAddresses == test.isLarge)
    #expect(format.paging.half == test.half)
    #expect(format.controls.physicalBits == test.physicalBits)
  }

  @Test func rootsAreTheRegisterWithoutItsFlags() throws {
    var registers = AArch64Registers(tcr: 5 << 32 | 2 << 30 | 16 << 16 | 16, ttbr0: 0x7_0000_4123_5001, ttbr1: 0)
    #expect(try registers.tables(of: .lower).root.value == 0x4123_5000)
    // 37 bits leave 7 to the root of 4 KiB tables: 128 entries, 1 KiB.
    registers.tcr = 5 << 32 | 2 << 30 | 27 << 16 | 27
    registers.ttbr0 = 0x4123_5401
    #expect(try registers.tables(of: .lower).root.value == 0x4123_5400)
    // With 52 bits, 51:48 are in 5:2: 0b1010 << 2 is 0x28.
    registers.tcr = 6 << 32 | 3 << 30 | 12 << 16 | 1 << 14 | 12
    registers.ttbr1 = 0x1_1234_5671_0028
    #expect(try registers.tables(of: .upper).root.value == 0xa_1234_5671_0000)
  }

  @Test func controlsFollowTheFields() throws {
    // HPD1 42, HD 40, HA 39; SCTLR_EL1.WXN 19.
    let registers = AArch64Registers(
      tcr: 1 << 42 | 1 << 40 | 1 << 39 | 5 << 32 | 2 << 30 | 16 << 16 | 16, ttbr0: 0, ttbr1: 0, mair: 0x44,
      sctlr: 1 << 19 | 1)
    let upper = try registers.tables(of: .upper).format.controls
    #expect(upper.ignoresTableRestrictions && upper.setsDirtyState && upper.setsAccessFlag)
    #expect(upper.writableIsNeverExecutable)
    #expect(upper.memoryAttributes == 0x44)
    #expect(try !registers.tables(of: .lower).format.controls.ignoresTableRestrictions)
  }

  @Test(
    arguments: [
      (3 << 14, 1, "TG0", 3), (7 << 32, 1, "IPS", 7), (1 << 7, 1, "EPD0", 1), (0, 0, "M", 0), (15, 1, "T0SZ", 15),
      (0, 1 | 1 << 25, "EE", 1),
    ] as [(UInt64, UInt64, String, UInt64)])
  func refusals(bits: UInt64, sctlr: UInt64, field: String, value: UInt64) throws {
    let size: UInt64 = field == "T0SZ" ? 0 : 16
    let error = #expect(throws: RegisterError.self) {
      try AArch64Registers(tcr: bits | size, ttbr0: 0, ttbr1: 0, sctlr: sctlr).tables(of: .lower)
    }
    #expect(error?.field.description == field)
    #expect(error?.value == value)
  }

  @Test func satp() throws {
    let registers = RISCVRegisters(satp: 9 << 60 | 0xabcd << 44 | 0xfff_ffff_ffff)
    #expect(try registers.paging() == .sv48)
    #expect(registers.root.value == 0xff_ffff_ffff_f000)
    #expect(try RISCVRegisters(satp: 8 << 60).paging() == .sv39)
    #expect(try RISCVRegisters(satp: 10 << 60).paging() == .sv57)
    for mode in [0, 1, 7, 11, 15] as [UInt64] {
      let error = #expect(throws: RegisterError.self) { try RISCVRegisters(satp: mode << 60).paging() }
      #expect(error?.value == mode)
    }
  }
}
