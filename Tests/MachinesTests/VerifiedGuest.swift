import AddressSpace
import Addresses
import BootProtocols
import PageTables

@testable import Machines
@testable import Placement

/// A hand-made plan with a kernel of 24 bytes, and its capsule: enough for every comparison of the verifier.
///
///     physical   0x100000 stub   0x101000 descriptors   0x102000 tables   0x120000 text   0x121000 data
///     virtual    the same        the same               -                 K               K + 0x1000
///
/// K is 0xffffffff80200000; the direct map shows all of it as well.
struct VerifiedGuest {
  let plan: LoadPlan
  let capsule: Capsule
  let file: AnonymousFile

  static let kernel: UInt64 = 0xffff_ffff_8020_0000
  static let directMap: UInt64 = 0xffff_8880_0000_0000
  static let tables: UInt64 = 0x10_2000
  static let data: UInt64 = 0x12_1000

  /// Assembled by hand from Intel SDM vol. 2; the 64-bit half starts at 0x100038, the entry address is the last eight
  /// bytes.
  private static let stub: [UInt8] = [
    0xb8, 0x20, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xe0,  // mov eax, 0x20; mov cr4, eax
    0xb8, 0x00, 0x20, 0x10, 0x00, 0x0f, 0x22, 0xd8,  // mov eax, 0x102000; mov cr3, eax
    0xb9, 0x80, 0x00, 0x00, 0xc0, 0xb8, 0x00, 0x09, 0x00, 0x00, 0x31, 0xd2, 0x0f, 0x30,  // EFER = LME | NXE
    0xb8, 0x11, 0x00, 0x01, 0x80, 0x0f, 0x22, 0xc0,  // mov eax, 0x80010011; mov cr0, eax
    0x0f, 0x01, 0x15, 0x20, 0x10, 0x10, 0x00,  // lgdt [0x101020]
    0xea, 0x38, 0x00, 0x10, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00,  // jmp 0x10:0x100038; padding
    0xb8, 0x18, 0x00, 0x00, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,  // ds = es = ss = 0x18
    0x31, 0xc0, 0x31, 0xc9, 0x31, 0xd2, 0x31, 0xdb, 0x31, 0xed, 0x31, 0xf6,  // eax, ecx, edx, ebx, ebp, esi = 0
    0x45, 0x31, 0xc0, 0x45, 0x31, 0xc9, 0x45, 0x31, 0xd2, 0x45, 0x31, 0xdb,  // r8 … r11 = 0
    0x45, 0x31, 0xe4, 0x45, 0x31, 0xed, 0x45, 0x31, 0xf6, 0x45, 0x31, 0xff,  // r12 … r15 = 0
    0xbf, 0x34, 0x12, 0x00, 0x00,  // mov edi, 0x1234
    0x48, 0xc7, 0xc4, 0x00, 0x20, 0x20, 0x80,  // mov rsp, 0xffffffff80202000
    0x6a, 0x02, 0x9d,  // push 2; popfq
    0xff, 0x25, 0x00, 0x00, 0x00, 0x00,  // jmp [rip]
    0x00, 0x00, 0x20, 0x80, 0xff, 0xff, 0xff, 0xff,
  ]

  /// Flat code and data at selectors 0x10 and 0x18 with their accessed bits set, and the operand of lgdt behind them.
  private static let descriptors: [UInt8] =
    [UInt8](repeating: 0, count: 16) + [0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0]
    + [0x1f, 0, 0x00, 0x10, 0x10, 0x00]

  /// `lea rsi, [rip + 0x11]`, then as in `TinyGuest`.
  private static let text: [UInt8] =
    [
      0x48, 0x8d, 0x35, 0x11, 0x00, 0x00, 0x00, 0xba, 0xf8, 0x03, 0x00, 0x00, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb,
      0xf8, 0xfa, 0xf4, 0xeb, 0xfc,
    ] + Array("64-bit\n".utf8) + [0]

  init() throws {
    var space = AddressSpace(mode: .x86_64FourLevel)
    try space.add(Self.intent(0x10_0000, 0x1000, 0x10_0000, .readExecute, "stub"))
    try space.add(Self.intent(0x10_1000, 0x1000, 0x10_1000, .read, "descriptors"))
    try space.add(Self.intent(Self.directMap, 0x400_0000, 0, .readWrite, "direct map"))
    try space.add(Self.intent(Self.kernel, 0x1000, 0x12_0000, .readExecute, "text"))
    try space.add(Self.intent(Self.kernel + 0x1000, 0x1000, Self.data, .readWrite, "data"))
    let tables = PageTableImage(building: space, at: PhysicalAddress(Self.tables))
    // The data begins with eight bytes, and zeros fill its page but the last eight bytes, which are the stack's.
    let blobs = [
      Blob(name: "entry stub", bytes: Self.stub), Blob(name: "descriptors", bytes: Self.descriptors),
      Blob(name: "page tables", bytes: tables.bytes), Blob(name: "text", bytes: Self.text),
      Blob(name: "data", bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
    ]
    let places: [UInt64] = [0x10_0000, 0x10_1000, Self.tables, 0x12_0000, Self.data]
    let pieces = zip(blobs, places).enumerated().map { index, pair in
      Piece(
        source: .blob(index), destination: Self.physical(pair.1, UInt64(pair.0.bytes.count)),
        zeroFill: ByteCount(pair.0.name == "data" ? 0xff0 : 0), owner: pair.0.name)
    }
    var registers = LongModeState.GeneralRegisters()
    registers.rdi = 0x1234
    registers.rsp = Self.kernel + 0x2000
    let state = LongModeState(
      rip: VirtualAddress(Self.kernel), registers: registers, cr3: PhysicalAddress(Self.tables), gdtBase: 0x10_1000,
      gdtLimit: 0x1f)
    var plan = LoadPlan(
      loader: .perch, reading: "24 bytes", machine: try QEMUMemoryMap.pc(.mebibytes(64)), entering: state)
    plan.pieces = pieces
    plan.blobs = blobs
    plan.imageExtent = Self.physical(0x12_0000, 0x2000)
    plan.addressSpace = space
    plan.pageTables = PageTableCost(framesByLevel: tables.budget.framesByLevel)
    self.plan = plan
    capsule = try Capsule(plan)
    file = try AnonymousFile(label: "capsule", size: capsule.size)
    try file.withMutableBytes { bytes throws(PlanError) in
      try capsule.write(plan, into: &bytes, image: RawSpan(), modules: NoModules())
    }
  }

  /// The machine, stopped at the plan's entry.
  func stoppedMachine() throws -> QEMUMachine {
    var configuration = QEMUConfiguration(
      kernel: .file(file), memory: .mebibytes(64), accelerator: .tcg, timeLimit: .seconds(30))
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    let machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: try Regex("64-bit")))
    guard try machine.run(to: VirtualAddress(plan.entry.address)) == .stoppedAtEntry else {
      throw MachineError.noAnswer(channel: "guest", to: "its entry")
    }
    return machine
  }

  func verify(_ machine: QEMUMachine) throws -> VerificationReport {
    try file.withBytes { bytes throws(MachineError) in try machine.verify(plan, capsule: capsule, file: bytes) }
  }

  private static func physical(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count))
  }

  private static func intent(
    _ virtual: UInt64, _ count: UInt64, _ physical: UInt64, _ access: Access, _ name: String
  ) -> MappingIntent {
    MappingIntent(
      virtual: VirtualRange(uncheckedStart: VirtualAddress(virtual), count: ByteCount(count)),
      physical: PhysicalAddress(physical), access: access, name: name)
  }
}
