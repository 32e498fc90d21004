public import Addresses
import KernelImage

extension LoadPlan {
  /// Writes the plan's bytes that lie in `region` into memory, each once, and then patches them.
  ///
  /// `memory` stands for the guest's memory at `region`: its first byte is the one at `region.start`. It may end before the
  /// region does, where only zeros follow and memory is zero already. Bytes that no piece covers are left alone, and so
  /// are those of a piece that is resident.
  ///
  /// - Throws: ``PlanError`` when the region cuts a piece or the relocated image in two, when a source is shorter than the
  ///   plan says, or when a relocation lies outside the image.
  public func materialise(
    _ region: PhysicalRange, into memory: inout MutableRawSpan, image: RawSpan,
    modules: borrowing some ModuleSource & ~Copyable
  ) throws(PlanError) {
    for piece in pieces where piece.extent.overlaps(region) {
      guard region.contains(piece.extent) else {
        throw PlanError(.badRequest, "the region \(hex: region) cuts \(piece.owner) at \(hex: piece.extent) in two")
      }
      let offset = Int(piece.destination.start.value - region.start.value)
      guard offset + Int(piece.destination.count.value) <= memory.byteCount || piece.destination.isEmpty else {
        throw PlanError(.badRequest, "the memory for \(hex: region) ends inside \(piece.owner) at \(hex: piece.extent)")
      }
      let end = min(offset + Int(piece.extent.count.value), memory.byteCount)
      guard offset < end else { continue }
      var place = memory._mutatingExtracting(offset..<end)
      try write(piece, into: &place, image: image, modules: modules)
    }
    try relocate(region, in: &memory, image: image)
  }

  private func write(
    _ piece: Piece, into place: inout MutableRawSpan, image: RawSpan, modules: borrowing some ModuleSource & ~Copyable
  ) throws(PlanError) {
    let count = Int(piece.destination.count.value)
    guard !piece.isResident else { return place.zero(from: count) }
    let available: Int
    switch piece.source {
    case .image(let range):
      available = image.holds(UInt64(count), at: range.start.value) ? count : 0
      if available == count {
        place.copy(from: image.extracting(Int(range.start.value)..<Int(range.start.value) + count))
      }
    case .module(let index):
      available = modules.copyModule(index, to: &place)
    case .blob(let index):
      let bytes = blobs[index].bytes
      available = bytes.count
      // SAFETY: the array outlives the copy, and its elements are bytes.
      unsafe place.copy(from: bytes.span.bytes)
    case .zero: available = count
    }
    guard available == count else {
      throw PlanError(.badRequest, "\(piece.owner) has \(available) bytes where the plan has \(count)")
    }
    place.zero(from: count)
  }

  private func relocate(
    _ region: PhysicalRange, in memory: inout MutableRawSpan, image: RawSpan
  ) throws(PlanError) {
    if case .none = relocations { return }
    guard imageExtent.overlaps(region) else { return }
    guard region.contains(imageExtent) else {
      throw PlanError(.badRequest, "the region \(hex: region) cuts the relocated image at \(hex: imageExtent) in two")
    }
    let offset = Int(imageExtent.start.value - region.start.value)
    var placed = memory._mutatingExtracting(offset..<min(memory.byteCount, offset + Int(imageExtent.count.value)))
    switch relocations {
    case .none: break
    case .linuxTable(let table): try table.apply(to: &placed, image: image)
    case .dynamic(let tables): try tables.apply(to: &placed, image: image)
    }
  }
}
