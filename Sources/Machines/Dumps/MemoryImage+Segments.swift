import Addresses
import KernelImage

extension MemoryImage {
  /// Refuses by name what other tools compress: it would be read as memory, or as no ELF file.
  static func refuseCompressed(_ file: DumpFile) throws(DumpError) {
    let format: String? = file.withBytes { bytes in
      if bytes.spells("KDUMP   ", at: 0) { return "kdump-compressed (\"KDUMP   \")" }
      if bytes.spells("DISKDUMP", at: 0) { return "diskdump (\"DISKDUMP\")" }
      if bytes.spells("makedumpfile", at: 0) { return "flattened kdump (\"makedumpfile\")" }
      return nil
    }
    if let format { throw DumpError.unsupportedFormat(path: file.path, format: format) }
  }

  static func segment(_ raw: RawFile, of file: DumpFile, index: Int) throws(DumpError) -> Segment {
    let offset = raw.fileOffset.value
    let room = offset < file.size ? file.size - offset : 0
    let count = raw.count ?? ByteCount(room)
    guard count.value > 0, count.value <= room else {
      throw DumpError.outsideFile(path: raw.path, offset: raw.fileOffset, count: count, size: ByteCount(file.size))
    }
    let range = try range(raw.physical.value, count, path: raw.path)
    return Segment(physical: range, file: index, fileOffset: raw.fileOffset)
  }

  static func range(_ start: UInt64, _ count: ByteCount, path: String) throws(DumpError) -> PhysicalRange {
    guard let address = try? PhysicalAddress(checking: start), let range = PhysicalRange(start: address, count: count)
    else { throw DumpError.outsidePhysicalMemory(path: path, start: start, count: count) }
    return range
  }

  /// Sorts the segments and makes one of those that overlap with the same bytes, as the virtual mappings in a core of
  /// QEMU's `dump-guest-memory -p` do.
  static func sorted(_ segments: [Segment], _ files: [DumpFile]) throws(DumpError) -> [Segment] {
    let order = segments.sorted { ($0.physical.start, $0.fileOffset) < ($1.physical.start, $1.fileOffset) }
    var result: [Segment] = []
    result.reserveCapacity(order.count)
    for next in order {
      guard let last = result.last, last.physical.overlaps(next.physical) else {
        result.append(next)
        continue
      }
      let distance = next.physical.start.value - last.physical.start.value
      guard next.file == last.file, next.fileOffset.value == last.fileOffset.value &+ distance else {
        throw DumpError.overlap(
          path: files[next.file].path, next.physical, with: files[last.file].path, last.physical)
      }
      // Both ends are inside the space, so that the longer count is.
      let count = max(last.physical.count.value, distance + next.physical.count.value)
      let merged = PhysicalRange(uncheckedStart: last.physical.start, count: ByteCount(count))
      result[result.count - 1] = Segment(physical: merged, file: last.file, fileOffset: last.fileOffset)
    }
    return result
  }
}
