import AddressSpace
import Addresses
import Foundation
import KernelImage
import Loaders
import Machines
import Placement
public import TestSupport

/// The decompressor of Debian's kernels, held at its jump to the kernel: is the place that it drew among those that the
/// model lists, and is every byte of the relocated image what Perch makes of the same payload for the same slide?
public struct DecompressorJudge: Judge {
  public init() {}

  public var name: String { "Linux 6.1, decompressor" }
  public var loaders: [LoaderName] { [.linuxDecompressor] }
  public var counts: ImageCounts { ImageCounts(full: 300, quick: 24) }
  public var missing: String? {
    DebianKernel.x86.first { !$0.isPresent }.map { "scripts/fetch-kernel \($0.rawValue) was not run" }
  }
  public var named: [NamedImage<DecompressorBoot>] { DecompressorBoot.recorded }

  public func draw(_ random: inout SeededGenerator) -> DecompressorBoot { .random(&random) }

  public func verdicts(on images: [DecompressorBoot]) throws -> [Verdict] {
    try images.map { boot in
      guard let found = try Trial(boot).difference() else { return .agrees }
      return .disagrees(found)
    }
  }
}

extension DecompressorJudge {
  /// One boot: the real machine, and what the model says to it.
  struct Trial {
    let boot: DecompressorBoot
    let kernel: DecompressorKernel
    var request: LoaderRequest
    let setup: Decompressor.Setup

    init(_ boot: DecompressorBoot) throws {
      self.boot = boot
      kernel = try DecompressorKernel.of(boot.kernel)
      var request = LoaderRequest(
        machine: try QEMUMemoryMap.pc(.mebibytes(boot.memory)), commandLine: boot.fullCommandLine)
      if boot.initrd > 0 { request.modules = [.init(name: "initrd", size: ByteCount(boot.initrd))] }
      self.request = request
      setup = Decompressor.Setup(qemu: request, header: kernel.bzImage.setup)
    }

    /// What differs, or nil.
    func difference() throws -> String? {
      let folder = try TemporaryFolder()
      let file = try kernel.stopping(boot.damage)
      let payload = try boot.damage == .none ? kernel.unpacked : DecompressorKernel.unpack(kernel.bzImage, file)
      let outcome = payload.withBytes { Decompressor.load($0, setup: setup, request) }
      let machine = try QEMUMachine(
        configuration(try folder.write(file, to: "vmlinuz"), folder),
        console: ConsoleWatcher(until: try Regex("System halted|Kernel Offset: ")))
      defer { machine.end() }
      switch outcome {
      case .misbehaves(let misbehaviour): return "the model would not feed it: \(misbehaviour)"
      case .refuses(let refusal): return try refusalDifference(refusal, machine)
      case .loads(let prediction):
        let places = payload.withBytes { Decompressor.physicalSlots(of: $0, setup: setup, request) }
        let slides = payload.withBytes { Decompressor.virtualSlots(of: $0, setup: setup, request) }
        return try loadDifference(machine, Expected(prediction: prediction, places: places, slides: slides), payload)
      }
    }

    func configuration(_ path: String, _ folder: TemporaryFolder) throws -> QEMUConfiguration {
      var configuration = QEMUConfiguration(
        kernel: .path(path), memory: .mebibytes(boot.memory), accelerator: .tcg,
        timeLimit: .seconds(boot.timeLimit))
      configuration.hasDebugger = boot.isFollowed
      configuration.hasReadableMemory = true
      configuration.processor = boot.processor
      configuration.extraArguments = ["-append", boot.fullCommandLine]
      if boot.initrd > 0 {
        try folder.write([], to: "initrd")
        try FileHandle(forWritingTo: folder.url.appendingPathComponent("initrd")).truncate(atOffset: boot.initrd)
        configuration.extraArguments += ["-initrd", folder.path("initrd")]
      }
      return configuration
    }

    private func refusalDifference(_ refusal: Refusal, _ machine: QEMUMachine) throws -> String? {
      let outcome = try machine.run()
      let lines = machine.console.lastLines
      guard case .matched(let line) = outcome, line.contains("System halted"), lines.contains(refusal.words) else {
        return "predicted “\(refusal.words)” (\(refusal.evidence)); \(outcome), the console says \(lines)"
      }
      return nil
    }
  }

  struct Expected {
    var prediction: LoadPlan
    var places: Decompressor.Slots<PhysicalAddress>
    var slides: Decompressor.Slots<VirtualAddress>
  }
}

extension DecompressorBoot {
  /// In seconds. XZ takes long on an emulated processor.
  var timeLimit: Int { kernel == .generic || isFollowed ? 180 : 60 }

  /// Damaged kernels say so on the console.
  var fullCommandLine: String {
    damage == .none ? commandLine : (["earlyprintk=serial,ttyS0,115200"] + [commandLine]).joined(separator: " ")
  }
}
