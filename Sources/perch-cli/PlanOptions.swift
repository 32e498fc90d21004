import AddressSpace
import Addresses
import ArgumentParser
import Codecs
import KernelImage
import Machines
import Placement
import Reporting

/// What the plan depends on: the machine, what is handed to the kernel, and where it goes. Shared by plan, boot and pack.
struct PlanOptions: ParsableArguments {
  enum Kind: String, CaseIterable, ExpressibleByArgument { case auto, linux, elf }

  @Option(help: ArgumentHelp("Memory of the machine (QEMU pc).", valueName: "size"))
  var memory = SizeArgument(.mebibytes(512))

  @Option(help: ArgumentHelp("Memory map from a file instead: BIOS-e820 lines, or START-END KIND.", valueName: "file"))
  var e820: String?

  @Option(name: .customLong("cmdline"), help: ArgumentHelp("Kernel command line.", valueName: "text"))
  var commandLine = ""

  @Option(help: ArgumentHelp("Initial RAM disk.", valueName: "file"))
  var initrd: String?

  @Option(help: ArgumentHelp("Module for a generic ELF kernel; may be repeated.", valueName: "file"))
  var module: [String] = []

  @Option(help: ArgumentHelp("Draw physical and virtual place: a seed, random, or off.", valueName: "seed"))
  var kaslr: RandomizationArgument = .off

  @Option(help: ArgumentHelp("Physical place: an address, any, or linked.", valueName: "address"))
  var physical: PhysicalArgument?

  @Option(help: ArgumentHelp("Virtual slide, in bytes.", valueName: "bytes"))
  var slide: NumberArgument?

  @Option(help: ArgumentHelp("Base of a generic kernel's direct map.", valueName: "address"))
  var directMap: NumberArgument?

  @Flag(help: "Let the direct map use 1 GiB pages.")
  var hugePages = false

  @Option(name: .customLong("as"), help: "Read an ELF kernel as linux or as a generic elf.")
  var kind: Kind = .auto

  @Option(help: ArgumentHelp("Most bytes to unpack.", valueName: "size"))
  var maxSize = SizeArgument(.gibibytes(1))

  func validate() throws {
    if e820 == nil {
      do { _ = try QEMUMemoryMap.pc(memory.count) } catch { throw ValidationError("--memory: \(error)") }
    }
    if physical != nil, case .seed = kaslr, physical != .any, slide != nil {
      throw ValidationError("--kaslr has nothing to draw when --physical and --slide are given")
    }
    if initrd != nil, !module.isEmpty {
      throw ValidationError("--initrd is Linux's, --module a generic ELF kernel's: give one")
    }
  }
}

extension PlanOptions {
  /// The seed; drawn from the system's generator when the user leaves it to chance.
  func seed() -> UInt64? {
    switch kaslr {
    case .off: nil
    case .seed(let seed): seed
    case .random: SystemRandomNumberGenerator.draw()
    }
  }

  /// The files handed to the kernel, open.
  func modules() throws(Failure) -> ModuleFiles {
    try ModuleFiles(
      initrd.map { [($0, "initrd")] } ?? module.map { ($0, "module \($0.split(separator: "/").last ?? "")") })
  }

  func request(modules: ModuleFiles, seed: UInt64?) throws(Failure) -> PlanRequest {
    var request = PlanRequest(machine: try machine())
    request.firmwareScratch = e820 == nil ? QEMUMemoryMap.firmwareScratch(memory.count) : nil
    request.commandLine = commandLine
    request.modules = modules.descriptions
    request.seed = seed
    request.slide = slide.map { Int64(bitPattern: $0.value) }
    switch physical {
    case nil: request.physical = nil
    case .any: request.physical = .any
    case .linked: request.physical = .asLinked
    case .at(let address):
      guard address <= PagingMode.x86_64FourLevel.greatestPhysicalAddress else {
        throw Failure(
          PlanError(.badRequest, "--physical \(Hex.string(address)) exceeds 52-bit physical memory"), path: "--physical"
        )
      }
      request.physical = .at(PhysicalAddress(unchecked: address))
    }
    if let directMap { request.directMapBase = VirtualAddress(directMap.value) }
    if hugePages { request.directMapPage = .size1GiB }
    return request
  }

  private func machine() throws(Failure) -> MemoryMap {
    guard let e820 else {
      do throws(MachineError) { return try QEMUMemoryMap.pc(memory.count) } catch { throw Failure(error) }
    }
    let file: MappedFile
    do throws(FileError) { file = try MappedFile(path: e820, cap: .mebibytes(1)) } catch {
      throw Failure(reading: error)
    }
    // A memory map is short; a larger file is cut, and its last line then says so.
    let text = file.withBytes { bytes in
      String(
        decoding: (0..<min(bytes.byteCount, 1 << 20)).map { bytes.load(UInt8.self, at: UInt64($0)) ?? 0 }, as: UTF8.self
      )
    }
    do throws(MemoryMapFile.Malformed) {
      return try MemoryMapFile(parsing: text).map
    } catch {
      throw Failure(
        .unreadableInput,
        Diagnostic(
          code: 103, "line \(error.line) of the memory map: \(error.rule)", at: .init(path: e820),
          evidence: [error.text]))
    }
  }
}

extension SystemRandomNumberGenerator {
  fileprivate static func draw() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}
