import AddressSpace
import Addresses
import BootProtocols
import Loaders
import Machines
import Placement
import TestSupport

/// One image's start under QEMU.
struct QEMURun {
  let bytes: [UInt8]
  let request: LoaderRequest
  private let image: QEMUImage
  private let layout: GuestMemory.Layout
  private let folder: TemporaryFolder
  private let timeLimit: Duration
  private var size: ByteCount { .mebibytes(image.mebibytes) }

  init(_ image: QEMUImage, _ layout: GuestMemory.Layout, timeLimit: Duration) throws {
    self.timeLimit = timeLimit
    self.image = image
    self.layout = layout
    bytes = try image.bytes()
    folder = try TemporaryFolder()
    var request = LoaderRequest(
      machine: try Self.memory(.mebibytes(image.mebibytes), layout), imageName: try folder.write(bytes, to: "kernel"),
      commandLine: image.commandLine)
    for (index, bytes) in image.modules.enumerated() {
      let name = try folder.write(bytes, to: "module\(index)")
      request.modules.append(
        .init(name: name, size: ByteCount(UInt64(bytes.count)), arguments: index > 0 ? "a b" : ""))
    }
    self.request = request
  }

  private static func memory(_ size: ByteCount, _ layout: GuestMemory.Layout) throws -> MemoryMap {
    if layout == .pc { return try QEMUMemoryMap.pc(size) }
    return MemoryMap(normalising: [
      .init(range: PhysicalRange(uncheckedStart: layout.base, count: size), kind: .usable)
    ])
  }

  private func start() throws(MachineError) -> QEMUMachine {
    var configuration = QEMUConfiguration(
      kernel: .path(request.imageName), memory: size, accelerator: .tcg, timeLimit: timeLimit, layout: layout)
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    configuration.extraArguments = ["-action", "reboot=reset"]
    if !request.commandLine.isEmpty { configuration.extraArguments += ["-append", request.commandLine] }
    if !request.modules.isEmpty {
      let names = request.modules.map { $0.arguments.isEmpty ? $0.name : "\($0.name) \($0.arguments)" }
      configuration.extraArguments += ["-initrd", names.joined(separator: ",")]
    }
    return try QEMUMachine(configuration)
  }

  func difference(_ refusal: Refusal) throws -> String? {
    do {
      let machine = try start()
      machine.end()
      return "predicted the refusal “\(refusal.words)” (\(refusal.evidence)), but QEMU starts"
    } catch {
      guard case .startFailed(let status, let diagnostics) = error else { throw error }
      let saysSo = refusal.words.isEmpty ? diagnostics == "it said nothing" : diagnostics.contains(refusal.words)
      if status == 1, saysSo { return nil }
      return "predicted “\(refusal.words)”, QEMU ends with \(status) and says “\(diagnostics)”"
    }
  }

  func difference(_ prediction: LoadPlan) throws -> String? {
    let machine = try start()
    defer { machine.end() }
    guard let memory = machine.memory else { return "no memory" }
    let sources = Sources(image: bytes, modules: image.modules, blobs: prediction.blobs.map(\.bytes))
    let expected = ExpectedMemory(prediction, sources)
    expected.fill(memory)
    // Multiboot's buffer and Linux's parts are copied by the option ROM; what is ELF otherwise is written at a reset.
    if prediction.loader != .qemuMultiboot, prediction.loader != .qemuLinux { try reset(machine, memory, expected) }
    // On `pc` modules come with the option ROM too, so that memory is whole at the entry. On `virt` it is whole at the
    // reset, and OpenSBI has not run yet.
    let ignored = ignored(prediction, expected)
    if layout != .pc, let found = expected.difference(memory, ignored: ignored, unspecified: []) { return found }
    // A breakpoint is the processor's own and needs no byte to lie there.
    let outcome = try machine.run(to: VirtualAddress(prediction.entry.address))
    guard outcome == .stoppedAtEntry else {
      return "QEMU never comes to \(prediction.entry.address.swiftText): \(outcome)"
    }
    let unspecified = prediction.unspecified(size)
    if layout == .pc, let found = expected.difference(memory, ignored: ignored, unspecified: unspecified) {
      return found
    }
    return try registerDifference(prediction, machine)
  }

  private func reset(_ machine: QEMUMachine, _ memory: GuestMemory, _ expected: ExpectedMemory) throws {
    _ = try machine.monitor("system_reset")
    for _ in 0..<50 where expected.isUntouched(memory) { _ = try machine.monitor("info status") }
    // Answered when the reset is over.
    _ = try machine.monitor("info status")
  }

  /// Where somebody else writes between the pieces.
  private func ignored(_ prediction: LoadPlan, _ expected: ExpectedMemory) -> [Range<UInt64>] {
    let treeSize: UInt64 = 1 << 20
    let trees = place("device tree", prediction).map { [$0..<$0 + treeSize] } ?? []
    switch layout {
    case .virtAArch64: return trees
    case .virtRISCV:
      // OpenSBI 1.1.
      return trees + [0x8000_0000..<0x8001_c280]
    case .pc:
      // SeaBIOS and the option ROMs use the first MiB and the top of memory.
      let top = QEMUMemoryMap.firmwareScratch(size)
      let firmware = [0..<0x10_0000, top.start.value..<top.endValue + 0x2_0000]
      return firmware + (place("buffer", prediction).map { [buffer(from: $0, prediction, expected)] } ?? [])
    }
  }

  /// Multiboot's buffer is copied whole, to the end of a page counted from its start. Between kernel, strings and modules
  /// it holds what was in QEMU's heap before.
  private func buffer(from start: UInt64, _ prediction: LoadPlan, _ expected: ExpectedMemory) -> Range<UInt64> {
    let isCut = prediction.remarks.contains { $0.kind == .outsideMemory }
    return start..<(isCut ? 1 << 32 : start + (expected.end - start + 4095) / 4096 * 4096)
  }

  /// The address that the prediction chose.
  private func place(_ subject: String, _ prediction: LoadPlan) -> UInt64? {
    prediction.decisions.first { $0.subject == subject }.flatMap { UInt64($0.choice.dropFirst(2), radix: 16) }
  }

  private func registerDifference(_ prediction: LoadPlan, _ machine: QEMUMachine) throws -> String? {
    for register in prediction.entry.registers {
      guard case .exactly(let value) = register.value else { continue }
      let name = layout == .pc ? Self.names[register.name] ?? register.name : register.name
      let found = try machine.registerValue(named: name)
      guard found == value else {
        return "\(register.name) is \(found.swiftText) instead of \(value.swiftText)"
      }
    }
    return nil
  }

  private static let names = [
    "eax": "rax", "ebx": "rbx", "ecx": "rcx", "edx": "rdx", "esi": "rsi", "edi": "rdi", "ebp": "rbp", "esp": "rsp",
    "eip": "rip",
  ]
}
