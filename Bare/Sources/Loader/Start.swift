import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import KernelImage
import LoaderEntry
import Placement

/// What the loader was started with: the machine, the kernel's file, and what is asked for. One value, never copied; each
/// step is called, not inlined, since what lies in a frame of more than 128 bytes takes longer instructions to reach.
struct Start: ~Copyable {
  /// The physical memory that entry.S mapped.
  static let firstMemory = PhysicalRange(uncheckedStart: PhysicalAddress(0), count: ByteCount(1 << 32))

  private var memory: IdentityMemory
  private var highMemory = HighMemory()
  private var kernel: ModuleKernel

  init(eax: UInt32, ebx: UInt32) throws(Refusal) {
    // SAFETY: entry.S maps all of it at its own addresses.
    memory = unsafe IdentityMemory(mapped: Self.firstMemory)
    let environment = try Self.environment(eax: eax, ebx: ebx, memory)
    let loader = PhysicalRange(
      uncheckedStart: PhysicalAddress(UInt64(loader_start())), count: ByteCount(UInt64(loader_end() - loader_start())))
    report(
      "at \(hex: loader), started by \(environment.starter) through \(environment.protocolName)")
    let words = try Self.words(environment)
    kernel = try Self.kernel(environment, words, loader)
    if words.allowsHugePages, !ProcessorAbility.hasGigabytePages {
      report("huge-pages: this processor has no 1 GiB pages")
      kernel.request.directMapPage = .size2MiB
    }
    report("kernel's file \(hex: kernel.file)")
    for module in kernel.request.modules {
      guard let place = module.place else { continue }
      report("module \(hex: PhysicalRange(uncheckedStart: place, count: module.size)) \(module.name)")
    }
  }

  @inline(never) private static func environment(
    eax: UInt32, ebx: UInt32, _ memory: IdentityMemory
  ) throws(Refusal) -> BootEnvironment {
    do throws(ParseError) {
      return try BootEnvironment(eax: eax, ebx: ebx, memory: memory)
    } catch {
      guard error.code != .unrecognised else {
        throw Refusal("EAX is \(hex: eax) and EBX \(hex: ebx): neither Multiboot 2 nor PVH started this loader")
      }
      throw Refusal(error, in: "boot information at \(hex: ebx)")
    }
  }

  @inline(never) private static func words(_ environment: BootEnvironment) throws(Refusal) -> LoaderCommandLine {
    do throws(LoaderCommandLineError) {
      return try LoaderCommandLine(parsing: environment.commandLine)
    } catch {
      throw Refusal(Sentence(error.message))
    }
  }

  @inline(never) private static func kernel(
    _ environment: BootEnvironment, _ words: LoaderCommandLine, _ loader: PhysicalRange
  ) throws(Refusal) -> ModuleKernel {
    let absent = words.processor.subtracting(.present)
    if !absent.isEmpty { report("this processor lacks what CR4 bits \(hex: absent.cr4) turn on") }
    do throws(PlanError) {
      return try ModuleKernel(
        in: environment, words, loader: loader, seed: seed(words), processor: words.processor.intersection(.present))
    } catch {
      throw Refusal(error)
    }
  }

  /// What the places are drawn from, said aloud.
  @inline(never) private static func seed(_ words: LoaderCommandLine) -> UInt64? {
    guard !words.drawsNothing else { return nil }
    if let seed = words.seed {
      report("seed \(hex: seed) from the command line")
      return seed
    }
    let entropy = Entropy.draw()
    report("seed \(hex: entropy.value) from \(entropy.source)")
    return entropy.value
  }
}

extension Start {
  /// Decides where everything goes, as `perch plan` does.
  @inline(never) mutating func plan() throws(Refusal) -> LoadPlan {
    try highMemory.reach(kernel.file, in: &memory)
    return try memory.withBytes(of: kernel.file) { (bytes) throws(Refusal) in
      let image: ELFImage
      do throws(ParseError) {
        image = try ELFImage(elf: ELFFile(parsing: bytes), bytes: bytes)
      } catch {
        throw Refusal(error, in: "the kernel's file")
      }
      do throws(PlanError) {
        return try PerchLoader.plan(elf64: image, bytes: bytes, request: kernel.request)
      } catch {
        throw Refusal(error)
      }
    }
  }

  /// Puts every byte where the plan says: the image in one go, since it is patched as a whole, and each piece outside it.
  @inline(never) mutating func apply(_ plan: LoadPlan) throws(Refusal) {
    try put(plan.imageExtent, of: plan)
    for piece in plan.pieces where !plan.imageExtent.overlaps(piece.extent) { try put(piece.extent, of: plan) }
  }

  @inline(never)
  private mutating func put(_ region: PhysicalRange, of plan: LoadPlan) throws(Refusal) {
    try highMemory.reach(region, in: &memory)
    do throws(PlanError) {
      try memory.withBytes(of: kernel.file) { (image) throws(PlanError) in
        try memory.withMutableBytes(of: region) { (bytes) throws(PlanError) in
          try plan.materialise(region, into: &bytes, image: image, modules: NoModules())
        }
      }
    } catch {
      throw Refusal(error)
    }
  }
}

extension BootEnvironment {
  fileprivate var starter: String { bootLoaderName.isEmpty ? "a loader that does not say its name" : bootLoaderName }
}
