import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import PageTables
import Processor

/// The kernel's address space as it wants it:
///
///     0xffffffff80000000 up   its segments, each with its own rights
///     0xfffffe0000001000      the stack, rw-; the page below is not mapped
///     0xffff888000000000 up   all usable memory, rw-, in the largest pages
///     0                       nothing
///
/// The addresses are those of the boot information: everything stays where it was, and what the loader needed goes.
enum FinalTables {
  static func addressSpace(
    _ information: BootInformation, mode: PagingMode, largestPage: PageSize
  ) throws(MappingError) -> AddressSpace {
    var space = AddressSpace(mode: mode)
    for mapping in information.mappings where mapping.isKept(in: information) {
      try space.add(
        MappingIntent(
          virtual: mapping.virtual, physical: mapping.physical, access: mapping.wantedAccess, name: mapping.name))
    }
    for entry in information.memoryMap where entry.kind == .usable {
      guard let whole = entry.range.wholeFrames else { continue }
      try space.add(
        MappingIntent(
          virtual: VirtualRange(
            uncheckedStart: VirtualAddress(unchecked: information.directMapBase.value &+ whole.start.value),
            count: whole.count), physical: whole.start, access: .readWrite, largestPage: largestPage,
          name: "direct map"))
    }
    return space
  }

  /// Builds the tables in frames that are free.
  ///
  /// - Parameter root: a frame with any content.
  static func build(
    _ space: AddressSpace, root: PhysicalAddress, memory: DirectMap, frames: inout FrameAllocator
  ) throws(TableEditError) {
    _ = memory.storeEntries(512, first: 0, step: 0, at: root)
    let tables = TranslationTables(format: LiveTables.format, memory: memory, root: root)
    for intent in space.mappings {
      try tables.map(
        intent.virtual, to: intent.physical, as: intent.kind, largest: intent.largestPage, frames: &frames)
    }
  }

  /// Makes the processor use them. Global translations of the tables before go too (Intel SDM vol. 3A, 4.10.4.1).
  static func use(_ root: PhysicalAddress) {
    let cr4 = read_cr4()
    write_cr4(cr4 & ~(1 << 7))
    write_cr3(root.value)
    write_cr4(cr4)
  }
}

extension BootInformation.Mapping {
  /// The kernel's segments and its stack.
  func isKept(in information: BootInformation) -> Bool {
    let kernel = VirtualRange(uncheckedStart: information.kernelVirtualBase, count: information.kernelSize)
    return virtual.overlaps(kernel) || isStack(in: information)
  }

  func isStack(in information: BootInformation) -> Bool { virtual.endValue == information.stackTop.value }

  /// Writable and executable where the loader said so, and stated why.
  var wantedAccess: Access {
    guard access.contains(.execute) else { return access.contains(.write) ? .readWrite : .read }
    guard access.contains(.write) else { return .readExecute }
    return .readWriteExecute(because: name.utf8.contains(UInt8(ascii: ",")) ? .sharedPage : .segmentFlags)
  }
}
