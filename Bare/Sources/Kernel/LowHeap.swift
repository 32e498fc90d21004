import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import KernelEntry
import PageTables
import Runtime

/// Memory for Swift's own values, in the lower half of the address space.
///
/// To Swift, a pointer whose top bit is set leads to an object that is never released and never owned by one alone, and a
/// `String` keeps a tag in its top bits. So the first thing that the kernel does with the page tables it was given is to
/// map its heap once more, where the top bit is 0.
///
///     start                      the image's own pages, for what is made before
///     start + earlySize          frames for the tables that the mapping takes
///     start + tablesSize         mapped at `virtual` from here to the end
enum LowHeap {
  /// 64 TiB: far from null pointers, and from where programs are linked.
  static var virtual: VirtualAddress { VirtualAddress(unchecked: 0x4000_0000_0000) }

  private static var earlySize: UInt64 { 0x8000 }
  /// One table for each level below the root of five.
  private static var tablesSize: UInt64 { 0x4000 }

  /// The kernel's heap as a mapping.
  static func intent(_ kernel: KernelPlace) -> MappingIntent {
    let start = UInt64(heap_memory_address()) + earlySize + tablesSize
    let count = ByteCount(UInt64(heap_limit_address()) - start)
    return MappingIntent(
      virtual: VirtualRange(uncheckedStart: virtual, count: count), physical: kernel.physical(start),
      access: .readWrite,
      name: "heap")
  }

  /// Gives Swift the first pages.
  static func start() { heap_start(heap_memory_address(), heap_memory_address() + UInt(earlySize)) }

  /// Maps the rest and gives it to Swift.
  static func map(_ kernel: KernelPlace) {
    let intent = intent(kernel)
    let first = kernel.physical(UInt64(heap_memory_address()) + earlySize)
    var frames = FrameRange(
      PhysicalRange(uncheckedStart: first, count: ByteCount(tablesSize)), frameSize: .kibibytes(4))
    // SAFETY: the loader maps all usable memory there, and its tables lie in usable memory.
    let memory = unsafe DirectMap(
      base: kernel.directMapBase,
      ranges: [PhysicalRange(uncheckedStart: PhysicalAddress(0), count: kernel.directMapSize)])
    do throws(TableEditError) {
      try LiveTables.tables(in: memory).map(intent.virtual, to: intent.physical, as: intent.kind, frames: &frames)
    } catch {
      stop("no heap can be mapped at \(Text.hexadecimal(virtual.value))")
    }
    heap_start(UInt(virtual.value), UInt(virtual.value + intent.virtual.count.value))
  }
}

/// What has to be known of the boot information before there is a heap: where the kernel is in both spaces.
struct KernelPlace {
  let physicalBase: UInt64
  let virtualBase: UInt64
  let directMapBase: VirtualAddress
  let directMapSize: ByteCount

  /// - Parameter address: where the boot information is mapped; `Documentation/boot-information.h` has the offsets.
  init(informationAt address: VirtualAddress) {
    func word(_ offset: UInt64) -> UInt64 { MappedMemory.word(at: VirtualAddress(unchecked: address.value + offset)) }
    guard word(0) == BootInformation.magic else {
      stop("boot information: magic is \(Text.hexadecimal(word(0))), not \(Text.hexadecimal(BootInformation.magic))")
    }
    let version = word(8) & 0xffff_ffff
    guard version == UInt64(BootInformation.version) else {
      stop("boot information: version is \(version), not \(BootInformation.version)")
    }
    physicalBase = word(72)
    virtualBase = word(80)
    directMapBase = VirtualAddress(unchecked: word(56))
    directMapSize = ByteCount(word(64))
    guard directMapSize != .zero else { stop("boot information: direct_map_size is 0: there is no direct map") }
  }

  /// Where a byte of the image lies.
  func physical(_ virtual: UInt64) -> PhysicalAddress {
    PhysicalAddress(truncating: virtual &- virtualBase &+ physicalBase)
  }
}
