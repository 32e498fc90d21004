import AddressSpace
public import Addresses
public import BootProtocols
public import KernelImage
import Loaders
public import Placement

/// How QEMU's `pc` machine starts the bare loader: `-kernel LOADER -initrd KERNEL -append COMMANDLINE`.
public struct BareStart: Sendable {
  /// The size of the machine's memory.
  public var memory: ByteCount
  public var accelerator: Accelerator
  /// What the loader reads, and behind ` -- ` the kernel.
  public var commandLine: String
  /// The size of the file that `-initrd` is given; nil without one.
  public var kernelSize: ByteCount?

  public init(memory: ByteCount, accelerator: Accelerator, commandLine: String, kernelSize: ByteCount?) {
    self.memory = memory
    self.accelerator = accelerator
    self.commandLine = commandLine
    self.kernelSize = kernelSize
  }
}

extension BareStart {
  /// What the loader will find at its first instruction. Its memory map under KVM is that of a machine whose processor
  /// is AMD's; see ``QEMUMemoryMap``.
  ///
  /// - Throws: ``BareRefusal`` where there is no such machine, or QEMU refuses the files.
  public func environment(loader: RawSpan) throws(BareRefusal) -> BootEnvironment {
    let kernel = try plan(loader).pieces.last { $0.source == .module(0) }
    let information = OptionROMInformation(
      memoryMap: try memoryMap(), commandLine: commandLine, module: kernel?.destination)
    do throws(ParseError) {
      return try BootEnvironment(eax: 0, ebx: UInt32(OptionROMInformation.startInfo), memory: information)
    } catch {
      throw .image(error)
    }
  }

  /// Where the loader is entered: physical, as paging is off.
  ///
  /// - Throws: ``BareRefusal`` as above.
  public func entry(ofLoader loader: RawSpan) throws(BareRefusal) -> VirtualAddress {
    VirtualAddress(unchecked: try plan(loader).entry.address)
  }

  /// What QEMU does, by the model of its PVH loader.
  private func plan(_ loader: RawSpan) throws(BareRefusal) -> LoadPlan {
    var request = LoaderRequest(machine: try memoryMap(), imageName: "loader", commandLine: commandLine)
    request.modules = kernelSize.map { [.init(name: "kernel", size: $0)] } ?? []
    switch LoaderName.qemuPVH.model(loader, request) {
    case .loads(let plan): return plan
    case .refuses(let refusal): throw .emulator("\(refusal.words): \(refusal.evidence)")
    case .misbehaves(let misbehaviour): throw .emulator("\(misbehaviour.effect): \(misbehaviour.evidence)")
    }
  }

  private func memoryMap() throws(BareRefusal) -> MemoryMap {
    do throws(MachineError) {
      return try QEMUMemoryMap.pc(memory, accelerator: accelerator)
    } catch {
      throw .machine(error)
    }
  }
}

/// Why the bare loader will not enter a kernel.
public enum BareRefusal: Error, Sendable {
  /// There is no such machine.
  case machine(MachineError)
  /// QEMU does not start the loader.
  case emulator(String)
  /// The loader's command line has a word that it does not understand.
  case commandLine(LoaderCommandLineError)
  /// The kernel's file, or the loader's own, is broken.
  case image(ParseError)
  /// There is no plan.
  case plan(PlanError)
}
