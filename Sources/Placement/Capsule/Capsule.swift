public import Addresses
import BootProtocols

/// A boot-ready ELF made of a plan: every piece at its final physical address, a PVH note, and the entry stub that loads
/// the prepared tables and jumps. Any loader that honours `XEN_ELFNOTE_PHYS32_ENTRY` starts it.
///
///     file     | ELF header | program headers | note | pad | chunk 0 | pad | chunk 1 | ...
///     memory                                               ^ at its physical address, zeros behind it
public struct Capsule: Sendable {
  /// A stretch of physical memory that one PT_LOAD covers.
  public struct Chunk: Hashable, Sendable {
    /// What the chunk occupies in memory, zeros included.
    public var memory: PhysicalRange
    /// Where its bytes lie in the file; as long as the memory up to the last byte that is not plain zero fill.
    public var file: FileRange
  }

  public let chunks: [Chunk]
  /// The physical address of the 32-bit entry: the stub's first byte.
  public var entry: PhysicalAddress { note.entry }
  private let note: PVHNote
  /// The size of the whole file.
  public let size: ByteCount

  private static let pageAlignment = Alignment.page4KiB

  /// Lays the capsule out.
  ///
  /// - Throws: ``PlanError`` when the plan has no entry stub, or counts on bytes that lie in memory already.
  public init(_ plan: LoadPlan) throws(PlanError) {
    guard let stub = plan.pieces.first(where: { $0.owner == "entry stub" }),
      let note = PVHNote(entry: stub.destination.start)
    else {
      throw PlanError(
        .badRequest,
        "the plan has no entry stub below 4 GiB (its entry is \(plan.entry.mode.rawValue)): a capsule cannot enter it")
    }
    if let resident = plan.pieces.first(where: { $0.isResident }) {
      throw PlanError(
        .badRequest,
        """
        the plan leaves \(resident.owner) at \(hex: resident.extent), where it lies already: a capsule brings \
        every byte along
        """)
    }
    self.note = note
    let stretches = Self.stretches(of: plan)
    var offset = UInt64(64 + 56 * (stretches.count + 1) + Int(PVHNote.byteCount))
    var chunks: [Chunk] = []
    for (memory, fileEnd) in stretches {
      offset = (offset + Self.pageAlignment.mask) & ~Self.pageAlignment.mask
      let count = ByteCount(fileEnd - memory.start.value)
      chunks.append(Chunk(memory: memory, file: FileRange(uncheckedStart: FileOffset(offset), count: count)))
      offset += count.value
    }
    self.chunks = chunks
    size = ByteCount(offset)
  }

  /// The plan's pieces, joined where they touch, share a page, or belong to an image that is relocated as a whole.
  private static func stretches(of plan: LoadPlan) -> [(memory: PhysicalRange, fileEnd: UInt64)] {
    var parts = plan.pieces.map { ($0.extent, $0.destination.endValue) }
    if case .none = plan.relocations {} else { parts.append((plan.imageExtent, plan.imageExtent.start.value)) }
    parts.sort { $0.0.start < $1.0.start }
    var joined: [(memory: PhysicalRange, fileEnd: UInt64)] = []
    for (extent, fileEnd) in parts where !extent.isEmpty {
      if let last = joined.last, extent.start.value <= (last.memory.endValue + pageAlignment.mask) & ~pageAlignment.mask
      {
        let end = max(last.memory.endValue, extent.endValue)
        joined[joined.count - 1] = (
          PhysicalRange(uncheckedStart: last.memory.start, count: ByteCount(end - last.memory.start.value)),
          max(last.fileEnd, fileEnd)
        )
      } else {
        joined.append((extent, fileEnd))
      }
    }
    return joined
  }

  /// Writes the headers and the note to the start of `file`, whose bytes are zero.
  public func writeHeaders(into file: inout MutableRawSpan) {
    var bytes: [UInt8] = []
    writeFileHeader(to: &bytes)
    for chunk in chunks { writeProgramHeader(chunk, to: &bytes) }
    let noteOffset = UInt64(64 + 56 * (chunks.count + 1))
    bytes.append(littleEndian: UInt32(4))
    bytes.append(littleEndian: UInt32(4))
    let noteSize = UInt64(PVHNote.byteCount)
    for value in [noteOffset, 0, 0, noteSize, noteSize, PVHNote.segmentAlignment] { bytes.append(littleEndian: value) }
    bytes += note.bytes
    for (offset, byte) in bytes.enumerated() {
      file.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
  }

  private func writeFileHeader(to bytes: inout [UInt8]) {
    bytes += [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    bytes.append(littleEndian: UInt16(2))  // e_type: ET_EXEC
    bytes.append(littleEndian: UInt16(62))  // e_machine: EM_X86_64
    bytes.append(littleEndian: UInt32(1))  // e_version
    for value in [entry.value, 64, 0] { bytes.append(littleEndian: value) }  // e_entry, e_phoff, e_shoff
    bytes.append(littleEndian: UInt32(0))  // e_flags
    for value: UInt16 in [64, 56, UInt16(chunks.count + 1), 64, 0, 0] { bytes.append(littleEndian: value) }
  }

  private func writeProgramHeader(_ chunk: Chunk, to bytes: inout [UInt8]) {
    bytes.append(littleEndian: UInt32(1))  // p_type: PT_LOAD
    bytes.append(littleEndian: UInt32(7))  // p_flags: a boot-time container; the plan's own tables carry the rights
    let place = chunk.memory.start.value
    for value in [chunk.file.start.value, place, place, chunk.file.count.value, chunk.memory.count.value, 0x1000] {
      bytes.append(littleEndian: value)
    }
  }

  /// Writes the whole capsule into `file`: `size` bytes that are all zero.
  ///
  /// - Throws: ``PlanError`` when a source is shorter than planned or a relocation lies outside the image.
  public func write(
    _ plan: LoadPlan, into file: inout MutableRawSpan, image: RawSpan,
    modules: borrowing some ModuleSource & ~Copyable
  ) throws(PlanError) {
    precondition(UInt64(file.byteCount) >= size.value, "the file is as long as the capsule")
    writeHeaders(into: &file)
    for chunk in chunks {
      let start = Int(chunk.file.start.value)
      var place = file._mutatingExtracting(start..<start + Int(chunk.file.count.value))
      try plan.materialise(chunk.memory, into: &place, image: image, modules: modules)
    }
  }
}
