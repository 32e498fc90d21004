import Perch
import Timing

/// Physical memory from 0 up, visible where Linux has its direct map (Documentation/arch/x86/x86_64/mm.rst).
struct DirectMap {
  let size: ByteCount

  init(gibibytes: String) throws {
    let count = try number(gibibytes)
    guard count <= 1024 else { throw Complaint("at most 1 TiB") }
    size = .gibibytes(UInt64(count))
  }

  var range: VirtualRange {
    VirtualRange(uncheckedStart: VirtualAddress(unchecked: 0xffff_8880_0000_0000), count: size)
  }
  var physical: PhysicalAddress { PhysicalAddress(unchecked: 0) }
  /// Where the tables lie: behind what they map.
  var base: PhysicalAddress { PhysicalAddress(unchecked: size.value) }

  func space(largest: PageSize) throws -> AddressSpace {
    var space = AddressSpace(mode: .x86_64FourLevel)
    try space.add(
      MappingIntent(
        virtual: range, physical: physical, access: .readWrite, largestPage: largest, name: "direct map"))
    return space
  }

  /// Builds the tables in memory of the caller's, root first.
  func build(_ pages: PageSize, in bytes: UnsafeMutableRawBufferPointer) throws
    -> TranslationTables<X86_64Format, RegionTableMemory>
  {
    let format = X86_64Format()
    guard let memory = RegionTableMemory(base: base, bytes: bytes) else { throw Complaint("no memory") }
    let frame = format.geometry.frameSize
    var frames = FrameRange(
      PhysicalRange(
        uncheckedStart: PhysicalAddress(unchecked: base.value + frame.value),
        count: ByteCount(UInt64(bytes.count) - frame.value)), frameSize: frame)
    guard memory.storeEntries(Int(frame.value / 8), first: 0, step: 0, at: base) else { throw Complaint("no root") }
    let tables = TranslationTables(format: format, memory: memory, root: base)
    try tables.map(range, to: physical, as: PageKind(.readWrite), largest: pages, frames: &frames)
    guard frames.usedFrames + 1 == bytes.count / Int(frame.value) else { throw Complaint("frames are left over") }
    return tables
  }
}
