import AddressSpace
import Addresses
import ArgumentParser
import KernelImage
import Machines
import Placement
import Reporting

/// What the plan depends on: the machine, what is handed to the kernel, and where it goes. Shared by plan, boot and pack.
struct PlanOptions: ParsableArguments {
  enum Kind: String, CaseIterable, ExpressibleByArgument { case auto, linux, elf }

  @OptionGroup
  var machine: MachineOptions

  @Option(
    help: ArgumentHelp(
      "Draw physical and virtual place: a seed, random, or off: off with a kernel, random without.", valueName: "seed"))
  var kaslr: RandomizationArgument?

  @Option(help: ArgumentHelp("Physical place: an address, any, linked, or in-place.", valueName: "address"))
  var physical: PhysicalArgument?

  @Option(help: ArgumentHelp("Virtual slide, in bytes.", valueName: "bytes"))
  var slide: NumberArgument?

  @Option(help: ArgumentHelp("Base of a generic kernel's direct map.", valueName: "address"))
  var directMap: NumberArgument?

  @Flag(help: "Let the direct map use 1 GiB pages.")
  var hugePages = false

  @Option(name: .customLong("as"), help: "Read an ELF kernel as linux or as a generic elf.")
  var kind: Kind = .auto

  @OptionGroup
  var bare: BareOptions

  @Option(help: ArgumentHelp("Most bytes to unpack.", valueName: "size"))
  var maxSize = SizeArgument(.gibibytes(1))

  func validate() throws {
    if physical != nil, case .seed? = kaslr, physical != .any, slide != nil {
      throw ValidationError("--kaslr has nothing to draw when --physical and --slide are given")
    }
  }
}

extension PlanOptions {
  var memory: SizeArgument { machine.memory }
  var e820: String? { machine.e820 }

  /// The options that steer Perch's own loader and were given, as a person writes them.
  var ownOptions: [String] {
    let given: [(String, Bool)] = [
      ("--kaslr", kaslr != nil && kaslr != .off), ("--physical", physical != nil), ("--slide", slide != nil),
      ("--direct-map", directMap != nil), ("--huge-pages", hugePages), ("--as", kind != .auto),
    ]
    return given.filter(\.1).map(\.0) + bare.given
  }

  /// The seed; drawn from the system's generator when the user leaves it to chance.
  ///
  /// - Parameter byDefault: what is done where the user says nothing.
  func seed(byDefault: RandomizationArgument = .off) -> UInt64? {
    switch kaslr ?? byDefault {
    case .off: nil
    case .seed(let seed): seed
    case .random: SystemRandomNumberGenerator.draw()
    }
  }

  /// The files handed to the kernel, open.
  func modules() throws(Failure) -> ModuleFiles { try machine.modules() }

  func request(modules: ModuleFiles, seed: UInt64?) throws(Failure) -> PlanRequest {
    try checkArguments()
    var request = PlanRequest(machine: try machine.pc())
    // A loader that is on the machine already runs after the firmware.
    request.firmwareScratch = bare.resident.isEmpty ? machine.firmwareScratch : nil
    request.commandLine = machine.commandLine
    request.modules = modules.descriptions
    request.seed = seed
    request.slide = slide.map { Int64(bitPattern: $0.value) }
    switch physical {
    case nil: request.physical = nil
    case .any: request.physical = .any
    case .linked: request.physical = .asLinked
    case .inPlace: request.physical = .inPlace
    case .at(let address): request.physical = .at(try PhysicalAddress(address, of: "--physical"))
    }
    if let directMap { request.directMapBase = VirtualAddress(directMap.value) }
    if hugePages { request.directMapPage = .size1GiB }
    try bare.apply(to: &request)
    return request
  }
}

extension PlanOptions {
  /// Perch's boot information names modules; what would follow the name has no place in it.
  private func checkArguments() throws(Failure) {
    guard let module = machine.module.first(where: { !$0.arguments.isEmpty }) else { return }
    throw Failure(
      PlanError(.badRequest, "Perch's own loader hands a module over without arguments: \(module.arguments)"),
      path: module.path)
  }
}

extension SystemRandomNumberGenerator {
  fileprivate static func draw() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}
