import AddressSpace
import Addresses
import ArgumentParser
import Codecs
import KernelImage
import Loaders
import Machines
import Placement
import Reporting

/// The machine, and what is handed over with the kernel: what every loader is told.
struct MachineOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Memory of the machine (QEMU pc).", valueName: "size"))
  var memory = SizeArgument(.mebibytes(512))

  @Option(help: ArgumentHelp("Memory map from a file instead: BIOS-e820 lines, or START-END KIND.", valueName: "file"))
  var e820: String?

  @Option(name: .customLong("cmdline"), help: ArgumentHelp("Kernel command line.", valueName: "text"))
  var commandLine = ""

  @Option(help: ArgumentHelp("Initial RAM disk.", valueName: "file"))
  var initrd: String?

  @Option(
    help: ArgumentHelp(
      "Module for a generic ELF kernel: FILE or 'FILE ARGUMENTS'; may be repeated.",
      discussion: "File names may have spaces: the longest beginning, up to a space, that is a file is the file.",
      valueName: "file"))
  var module: [ModuleArgument] = []

  func validate() throws {
    if e820 == nil {
      do { _ = try QEMUMemoryMap.pc(memory.count) } catch { throw ValidationError("--memory: \(error)") }
    }
    if initrd != nil, !module.isEmpty {
      throw ValidationError("--initrd is Linux's, --module a generic ELF kernel's: give one")
    }
  }
}

extension MachineOptions {
  /// The files handed to the kernel, open.
  func modules() throws(Failure) -> ModuleFiles {
    try ModuleFiles(
      initrd.map { [($0, "initrd")] }
        ?? module.map { ($0.path, "module \($0.path.split(separator: "/").last ?? "")") })
  }

  /// The memory map of the file, or of a PC.
  func pc() throws(Failure) -> MemoryMap {
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

  /// Where the firmware of QEMU's PC writes after the kernel is in memory; nil for another machine.
  var firmwareScratch: PhysicalRange? { e820 == nil ? QEMUMemoryMap.firmwareScratch(memory.count) : nil }

  /// What a loader is told. The machines of QEMU's `virt` have their memory in one stretch of its own.
  func request(for loader: LoaderName, image path: String) throws(Failure) -> LoaderRequest {
    var request = LoaderRequest(machine: try machine(of: loader), imageName: path, commandLine: commandLine)
    let given = initrd.map { [ModuleArgument(path: $0)] } ?? module
    request.modules = zip(given, try modules().descriptions).map {
      .init(name: $0.path, size: $1.size, arguments: $0.arguments)
    }
    request.firmwareScratch = firmwareScratch
    return request
  }

  private func machine(of loader: LoaderName) throws(Failure) -> MemoryMap {
    guard e820 == nil, let start = loader.virtMemory else { return try pc() }
    let range = PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: memory.count)
    return MemoryMap(normalising: [.init(range: range, kind: .usable)])
  }
}

extension LoaderName {
  /// Where the memory of QEMU's `virt` starts (hw/arm/virt.c and hw/riscv/virt.c, VIRT_DRAM and VIRT_MEM), and that of the
  /// monitors' guests (layout.rs, DRAM_MEM_START and RAM_START); nil for a PC.
  fileprivate var virtMemory: UInt64? {
    switch self {
    case .qemuAArch64, .arm64Image, .cloudHypervisorAArch64, .cloudHypervisorRISCV: 0x4000_0000
    case .qemuRISCV, .riscvImage, .firecrackerAArch64: 0x8000_0000
    default: nil
    }
  }
}
