import AddressSpace
import Addresses
import KernelImage

/// Whether an image can run where its file lies in memory: then the file is the image, and only zeros are written.
///
///     file in memory   | headers | segment 0 | pad | segment 1 |  sections  |
///     image                      | segment 0 |     | segment 1 | zero fill |
struct ELFInPlace {
  /// What is added to each segment's position, modulo 2⁶⁴.
  let shift: UInt64

  /// - Parameter free: what is free when the file itself is no obstacle.
  /// - Throws: ``PlanError`` with the rule that speaks against it.
  init(
    _ image: borrowing ELFImage, _ geometry: ELFGeometry, slide: Slide, at place: PhysicalAddress,
    free: borrowing PhysicalAllocator
  ) throws(PlanError) {
    guard let first = geometry.segments.first(where: { $0.fileSize > .zero }) else {
      throw PlanError(.badRequest, "no PT_LOAD segment has bytes in the file")
    }
    let distance = first.fileRange.start.value &- geometry.position(of: first)
    shift = place.value &+ distance
    for segment in geometry.segments {
      try Self.checkDistance(segment, first, geometry)
      try checkMemory(segment, geometry, slide: slide, free: free)
    }
    try checkTables(image, geometry, at: place)
  }

  /// Segments lie in the file as they do in memory.
  private static func checkDistance(
    _ segment: borrowing ProgramHeader, _ first: borrowing ProgramHeader, _ geometry: ELFGeometry
  ) throws(PlanError) {
    let distance = first.fileRange.start.value &- geometry.position(of: first)
    guard segment.fileSize > .zero, segment.fileRange.start.value &- geometry.position(of: segment) != distance else {
      return
    }
    let field = geometry.isPositionIndependent ? "p_vaddr" : "p_paddr"
    let found = segment.fileRange.start.value &- first.fileRange.start.value
    let wanted = geometry.position(of: segment) &- geometry.position(of: first)
    throw PlanError(
      .badRequest,
      """
      \(segment.place): its p_offset lies \(Self.signed(found)) bytes from that of program header \(first.index), its \
      \(field) \(Self.signed(wanted)): the file is not the image
      """)
  }

  private static func signed(_ distance: UInt64) -> Sentence {
    let value = Int64(bitPattern: distance)
    return "\(value < 0 ? "-" : "")\(hex: value.magnitude)"
  }

  /// A page can map the segment there, and the zeros behind it harm nobody.
  private func checkMemory(
    _ segment: borrowing ProgramHeader, _ geometry: ELFGeometry, slide: Slide,
    free: borrowing PhysicalAllocator
  ) throws(PlanError) {
    let start = geometry.position(of: segment) &+ shift
    let virtual = slide.apply(to: segment.virtualAddress).value
    guard !geometry.is64 || (start ^ virtual) & 0xfff == 0 else {
      throw PlanError(
        .misaligned,
        "program header \(segment.index): virtual \(hex: virtual) and physical \(hex: start) differ modulo 4 KiB")
    }
    guard start <= PagingMode.x86_64FourLevel.greatestPhysicalAddress,
      let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: segment.memorySize),
      free.isFree(range),
      range.endValue <= geometry.physicalLimit
    else {
      throw PlanError(
        .notUsable,
        """
        \(segment.place): its \(hex: segment.memorySize) bytes at physical \(hex: start) are not all free memory at or \
        above 1 MiB
        """)
    }
  }

  /// Zeros come before relocations, whose tables are read from the file.
  private func checkTables(
    _ image: borrowing ELFImage, _ geometry: ELFGeometry, at place: PhysicalAddress
  ) throws(PlanError) {
    guard geometry.isPositionIndependent else { return }
    for segment in geometry.segments where segment.memorySize > segment.fileSize {
      let end = geometry.position(of: segment) &+ shift &+ segment.fileSize.value
      let fill = PhysicalRange(
        uncheckedStart: PhysicalAddress(truncating: end),
        count: ByteCount(segment.memorySize.value - segment.fileSize.value))
      for table in image.rela { try Self.check(table, segment, fill, at: place) }
      for table in image.relr { try Self.check(table, segment, fill, at: place) }
    }
  }

  private static func check(
    _ table: FileRange, _ segment: borrowing ProgramHeader, _ fill: PhysicalRange, at place: PhysicalAddress
  ) throws(PlanError) {
    let bytes = PhysicalRange(
      uncheckedStart: PhysicalAddress(truncating: place.value &+ table.start.value), count: table.count)
    guard bytes.overlaps(fill) else { return }
    throw PlanError(
      .overlap, "\(segment.place): its zero fill \(hex: fill) would clear the relocation table at \(hex: bytes)")
  }
}
