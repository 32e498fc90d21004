import AddressSpace
import Addresses
import BareMachine
import BootProtocols

extension BootInformation {
  /// Whole pages of usable memory: those that a direct map shows.
  var usableMemory: [PhysicalRange] {
    memoryMap.filter { $0.kind == .usable }.compactMap { $0.range.wholeFrames }
  }

  /// The kernel's image.
  var image: PhysicalRange { PhysicalRange(uncheckedStart: kernelPhysicalBase, count: kernelSize) }

  /// Usable memory that is in use, page tables aside: page 0, the kernel, its stack, what it was told, its modules.
  var takenMemory: [PhysicalRange] {
    var taken = [
      PhysicalRange(uncheckedStart: PhysicalAddress(0), count: .kibibytes(4)),
      image,
      PhysicalRange(uncheckedStart: physicalAddress, count: size),
    ]
    for mapping in mappings where mapping.isKept(in: self) {
      taken.append(PhysicalRange(uncheckedStart: mapping.physical, count: mapping.virtual.count))
    }
    return taken + modules.map { $0.physical }
  }

  /// What a report on a fault calls by name.
  var landmarks: [Exceptions.Landmark] {
    let page = ByteCount.kibibytes(4)
    return [
      .init(VirtualRange(uncheckedStart: VirtualAddress(0), count: page), "first page: a null pointer"),
      .init(VirtualRange(uncheckedStart: stackGuard, count: page), "guard page below the stack: the stack is used up"),
    ]
  }
}
