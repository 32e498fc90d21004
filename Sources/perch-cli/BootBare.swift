import Addresses
import Codecs
import BootProtocols
import KernelImage
import Machines
import Placement
import Reporting

/// `perch boot` without a file: Perch's own kernel, through Perch's own loader.
struct BareBoot {
  let options: PlanOptions
  let files: BareFiles
  let modules: BareModules
  let acceleration: Acceleration
  let commandLine: String
  /// What the places are drawn from; nil where nothing is.
  let seed: UInt64?
  let channels: Channels

  init(_ options: PlanOptions, acceleration: Acceleration, channels: Channels) throws(Failure) {
    self.options = options
    self.acceleration = acceleration
    self.channels = channels
    files = try BareFiles()
    modules = try BareModules(options.machine)
    seed = options.seed(byDefault: .random)
    let words = options.loaderWords(seed: seed) + modules.words
    let kernelWords = options.machine.commandLine
    commandLine = (words + (kernelWords.isEmpty ? [] : ["--", kernelWords])).joined(separator: " ")
  }

  /// QEMU's arguments behind those of every machine.
  var arguments: [String] {
    ["-initrd", files.kernelPath, "-append", commandLine, "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
      + modules.arguments
  }

  /// What the loader will find, and the physical address of its first instruction.
  func start() throws(Failure) -> (environment: BootEnvironment, entry: VirtualAddress) {
    let start = BareStart(
      memory: options.memory.count, accelerator: acceleration.choice, commandLine: commandLine,
      kernelSize: files.kernel.count)
    return try refusing { () throws(BareRefusal) in
      try files.loader.withBytes { (loader) throws(BareRefusal) in
        (try start.environment(loader: loader), try start.entry(ofLoader: loader))
      }
    }
  }

  /// What the loader will do.
  func prediction(in environment: BootEnvironment) throws(Failure) -> BarePrediction {
    try refusing { () throws(BareRefusal) in
      let extent = try files.loader.withBytes { (loader) throws(BareRefusal) in
        try BarePrediction.extent(ofLoader: loader)
      }
      return try files.kernel.withBytes { (image) throws(BareRefusal) in
        try BarePrediction(in: environment, loader: extent, image: image)
      }
    }
  }

  /// What memory holds at the kernel's entry.
  func expectedMemory(_ plan: LoadPlan) throws(Failure) -> ExpectedMemory {
    do throws(PlanError) {
      return try files.kernel.withBytes { (image) throws(PlanError) in
        try ExpectedMemory(plan, image: image, modules: modules.files)
      }
    } catch {
      throw Failure(error, path: files.kernelPath)
    }
  }

  private func refusing<Result>(
    _ body: () throws(BareRefusal) -> Result
  ) throws(Failure) -> Result {
    do throws(BareRefusal) {
      return try body()
    } catch {
      switch error {
      case .machine(let error): throw Failure(error)
      case .emulator(let words):
        throw Failure(.cannotPlan, Diagnostic(code: 209, "QEMU: \(words)", at: .init(path: files.loaderPath)))
      case .commandLine(let error):
        throw Failure(PlanError(.badRequest, "\(error.message)"), path: files.kernelPath)
      case .image(let error): throw Failure(error, path: files.kernelPath)
      case .plan(let error): throw Failure(error, path: files.kernelPath)
      }
    }
  }
}

extension PlanOptions {
  /// The loader's words for these options.
  fileprivate func loaderWords(seed: UInt64?) -> [String] {
    var words = [seed.map { "seed=\(Hex.string($0))" } ?? "nokaslr"]
    switch physical {
    case nil: break
    case .any: words.append("physical=any")
    case .linked: words.append("physical=linked")
    case .inPlace: words.append("physical=in-place")
    case .at(let address): words.append("physical=\(Hex.string(address))")
    }
    if let slide { words.append("slide=\(Int64(bitPattern: slide.value))") }
    if let directMap { words.append("direct-map=\(Hex.string(directMap.value))") }
    if !hugePages { words.append("no-huge-pages") }
    if bare.fiveLevel { words.append("la57") }
    let features = bare.cpu?.features ?? []
    let names: [(ProcessorFeatures, String)] = [
      (.smep, "smep"), (.smap, "smap"), (.umip, "umip"), (.globalPages, "pge"),
    ]
    return words + names.filter { features.contains($0.0) }.map(\.1)
  }
}

extension PlannedKernel {
  /// Writes the plan's bytes into the memory of a machine under KVM.
  func materialise(into memory: KVMMachine.Memory) throws(Failure) {
    do throws(PlanError) {
      try kernel.withBytes { (bytes) throws(PlanError) in
        try memory.materialise(plan, image: bytes, modules: modules)
      }
    } catch {
      throw Failure(error, path: image.path)
    }
  }
}
