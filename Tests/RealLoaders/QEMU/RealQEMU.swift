import AddressSpace
import Addresses
import BootProtocols
import Foundation
import KernelImage
import Loaders
import Machines
import Placement
import TestSupport

/// A prediction held against QEMU itself: memory around each piece, entry, registers, words of a refusal.
struct RealQEMU {
  enum Stop {
    /// What is there when the machine was reset and no instruction has run.
    case reset
    /// When the kernel's first instruction is next.
    case entry
  }

  /// How many images each protocol is judged by.
  static var imageCount: UInt64 {
    ProcessInfo.processInfo.environment["PERCH_AGREEMENT_IMAGES"].flatMap { UInt64($0) } ?? 12
  }

  static let size = ByteCount.mebibytes(64)
  /// What memory holds before the loader writes.
  static let filler: UInt8 = 0xa5

  var layout: GuestMemory.Layout
  var stop: Stop
  var model: (RawSpan, LoaderRequest) -> LoaderOutcome
  /// Where the firmware writes too.
  var ignored: [Range<UInt64>] = []

  var machine: MemoryMap {
    if layout == .pc, let map = try? QEMUMemoryMap.pc(Self.size) { return map }
    return MemoryMap(normalising: [
      .init(range: PhysicalRange(uncheckedStart: layout.base, count: Self.size), kind: .usable)
    ])
  }

  /// What differs, or nil.
  func difference(_ image: [UInt8], modules: [[UInt8]] = [], commandLine: String = "") -> String? {
    do {
      let folder = try TemporaryFolder()
      var request = LoaderRequest(
        machine: machine, imageName: try folder.write(image, to: "kernel"), commandLine: commandLine)
      for (index, bytes) in modules.enumerated() {
        let name = try folder.write(bytes, to: "module\(index)")
        request.modules.append(
          .init(name: name, size: ByteCount(UInt64(bytes.count)), arguments: layout == .pc && index > 0 ? "a b" : ""))
      }
      let outcome = image.withRawSpan { model($0, request) }
      switch outcome {
      case .misbehaves: return nil
      case .refuses(let refusal): return try refusalDifference(refusal, request)
      case .loads(let prediction):
        let sources = Sources(image: image, modules: modules, blobs: prediction.blobs.map(\.bytes))
        return try loadDifference(prediction, request, sources)
      }
    } catch {
      return "\(error)"
    }
  }

  private func configuration(_ request: LoaderRequest) -> QEMUConfiguration {
    var configuration = QEMUConfiguration(
      kernel: .path(request.imageName), memory: Self.size, accelerator: .tcg, timeLimit: .seconds(40),
      layout: layout)
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    configuration.extraArguments = ["-action", "reboot=reset"]
    if !request.commandLine.isEmpty { configuration.extraArguments += ["-append", request.commandLine] }
    if !request.modules.isEmpty {
      let names = request.modules.map { $0.arguments.isEmpty ? $0.name : "\($0.name) \($0.arguments)" }
      configuration.extraArguments += ["-initrd", names.joined(separator: ",")]
    }
    return configuration
  }

  private func refusalDifference(_ refusal: Refusal, _ request: LoaderRequest) throws -> String? {
    do {
      let machine = try QEMUMachine(configuration(request))
      machine.end()
      return "predicted the refusal “\(refusal.words)” (\(refusal.evidence)), but QEMU starts"
    } catch {
      guard case .startFailed(let status, let diagnostics) = error else { throw error }
      let saysSo = refusal.words.isEmpty || diagnostics.contains(refusal.words)
      if status == 1, saysSo { return nil }
      return "predicted “\(refusal.words)”, QEMU ends with \(status) and says “\(diagnostics)”"
    }
  }

  private func loadDifference(
    _ prediction: LoadPlan, _ request: LoaderRequest, _ sources: Sources
  ) throws -> String? {
    let machine = try QEMUMachine(configuration(request))
    defer { machine.end() }
    guard let memory = machine.memory else { return "no memory" }
    let expected = ExpectedMemory(prediction, sources, layout: layout)
    expected.fill(memory)
    if stop == .reset {
      _ = try machine.monitor("system_reset")
      for _ in 0..<200 where expected.isUntouched(memory) { _ = try machine.monitor("info status") }
      // Answered when the reset is over.
      _ = try machine.monitor("info status")
    }
    if layout == .pc, prediction.remarks.allSatisfy({ $0.kind != .outsideMemory && $0.kind != .entryOutsideImage }) {
      let outcome = try machine.run(to: VirtualAddress(prediction.entry.address))
      guard outcome == .stoppedAtEntry else { return "QEMU never comes to \(prediction.entry.address.swiftText)" }
    }
    let buffer = prediction.loader == .qemuMultiboot ? [expected.span] : []
    if stop == .entry,
      prediction.remarks.contains(where: { $0.kind == .outsideMemory || $0.kind == .entryOutsideImage })
    {
      return nil
    }
    if let found = expected.difference(memory, ignored: ignored + buffer) { return found }
    if layout != .pc {
      guard prediction.remarks.allSatisfy({ $0.kind != .outsideMemory && $0.kind != .entryOutsideImage }) else {
        return nil
      }
      let outcome = try machine.run(to: VirtualAddress(prediction.entry.address))
      guard outcome == .stoppedAtEntry else { return "QEMU never comes to \(prediction.entry.address.swiftText)" }
    }
    if layout == .pc, prediction.remarks.contains(where: { $0.kind == .outsideMemory || $0.kind == .entryOutsideImage })
    {
      return nil
    }
    return try registerDifference(prediction, machine)
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
