public import Addresses
public import KernelImage
public import PageTables

/// The physical memory of a machine that is gone: raw files, or an ELF core as QEMU's `dump-guest-memory` and Linux's
/// /proc/vmcore write it.
///
/// Where two pieces give the same physical address the same byte of the same file, both stand; where they give it
/// different bytes, the image is refused.
///
/// `@safe`: the mapped addresses are private, and every use of them states why it holds.
@safe public final class MemoryImage: Sendable {
  /// One piece of physical memory and where its bytes lie.
  public struct Segment: Hashable, Sendable {
    public let physical: PhysicalRange
    /// The position in the files that the image was made from; 0 for a core.
    public let file: Int
    public let fileOffset: FileOffset
  }

  /// A file with bytes of memory and nothing else, as QEMU's `pmemsave` and `memory-backend-file` leave it.
  public struct RawFile: Hashable, Sendable {
    public let path: String
    /// Where the first byte stands.
    public let physical: PhysicalAddress
    public let fileOffset: FileOffset
    /// How many bytes are meant; nil for all up to the end of the file.
    public let count: ByteCount?

    public init(
      path: String, physical: PhysicalAddress, fileOffset: FileOffset = FileOffset(0), count: ByteCount? = nil
    ) {
      self.path = path
      self.physical = physical
      self.fileOffset = fileOffset
      self.count = count
    }
  }

  /// The pieces by their addresses. Those that overlap, with the same bytes, are one.
  public let segments: [Segment]
  /// The processor, as the core names it: QEMU writes i386 for an x86-64 processor outside long mode. Nil for raw files.
  public let machine: Machine?
  /// The registers of each processor, in the core's order; empty where it has no notes for this machine.
  public let processors: [DumpRegisters]
  private let pieces: [Piece]
  private let files: [DumpFile]

  /// The registers of the first processor.
  public var registers: DumpRegisters? { processors.first }

  /// Opens raw files.
  ///
  /// - Throws: ``DumpError``, also for an empty piece and for pieces that overlap.
  public init(rawFiles: [RawFile]) throws(DumpError) {
    var files: [DumpFile] = []
    var found: [Segment] = []
    for raw in rawFiles {
      let file = try DumpFile(path: raw.path)
      if raw.fileOffset.value == 0 { try Self.refuseCompressed(file) }
      found.append(try Self.segment(raw, of: file, index: files.count))
      files.append(file)
    }
    segments = try Self.sorted(found, files)
    pieces = segments.map { Piece($0, files) }
    self.files = files
    machine = nil
    processors = []
  }

  /// Opens an ELF core of either class; little-endian.
  ///
  /// Only bytes that are in the file count as memory: what p_memsz promises beyond p_filesz was not dumped.
  ///
  /// - Throws: ``DumpError``; compressed dumps (kdump, with `dump-guest-memory -z`, `-l`, `-s`) are
  ///   ``DumpError/unsupportedFormat(path:format:)``.
  public init(core path: String) throws(DumpError) {
    let file = try DumpFile(path: path)
    try Self.refuseCompressed(file)
    let core = try file.withBytes { bytes throws(DumpError) in
      do throws(ParseError) {
        return try CoreFile(parsing: bytes)
      } catch {
        throw DumpError.malformed(path: path, error)
      }
    }
    var found: [Segment] = []
    found.reserveCapacity(core.segments.count)
    for segment in core.segments {
      let range = try Self.range(segment.physicalAddress, segment.bytes.count, path: path)
      found.append(Segment(physical: range, file: 0, fileOffset: segment.bytes.start))
    }
    segments = try Self.sorted(found, [file])
    pieces = segments.map { Piece($0, [file]) }
    files = [file]
    machine = core.machine
    processors = core.processors
  }

  /// Calls `body` with the bytes of a physical range, or returns nil where no one segment holds all of them.
  public func withBytes<Result>(of range: PhysicalRange, _ body: (RawSpan) -> Result) -> Result? {
    guard let size = Int(exactly: range.count.value),
      let address = mappedAddress(of: range.start.value, count: range.count.value)
    else { return nil }
    defer { extendLifetime(self) }
    // SAFETY: 1. the bytes lie inside a mapping that lives as long as this object, which outlives the call; 2. the span
    // cannot leave the call; 3. this process does not write the pages.
    return body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(bitPattern: address)!, byteCount: size))
  }

  /// The little-endian 32-bit word at a physical address, or nil where no one segment holds its four bytes.
  public func loadWord(at address: PhysicalAddress) -> UInt32? { load(UInt32.self, at: address.value) }

  @inline(__always)
  private func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at address: UInt64) -> Value? {
    guard let mapped = mappedAddress(of: address, count: UInt64(MemoryLayout<Value>.size)) else { return nil }
    defer { extendLifetime(self) }
    // SAFETY: 1. the bytes lie inside a mapping that lives as long as this object; 2. every bit pattern is an integer.
    return unsafe Value(littleEndian: UnsafeRawPointer(bitPattern: mapped)!.loadUnaligned(as: Value.self))
  }

  /// The last piece that starts at or below the address, if it holds `count` bytes from there.
  @inline(__always)
  private func mappedAddress(of address: UInt64, count: UInt64) -> UInt? {
    var (low, high) = (0, pieces.count)
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let piece = pieces[low - 1]
    let distance = address - piece.start
    guard distance < piece.count, count <= piece.count - distance else { return nil }
    return piece.base + UInt(distance)
  }
}

extension MemoryImage: TableMemory {
  /// The little-endian 64-bit word at a physical address, or nil where no one segment holds its eight bytes.
  public func loadEntry(at address: PhysicalAddress) -> UInt64? { load(UInt64.self, at: address.value) }
}

/// A segment as a load needs it: no classes, no optionals.
private struct Piece: Sendable {
  let start: UInt64
  let count: UInt64
  /// Where its first byte is mapped.
  let base: UInt

  init(_ segment: MemoryImage.Segment, _ files: [DumpFile]) {
    start = segment.physical.start.value
    count = segment.physical.count.value
    base = files[segment.file].address(of: segment.fileOffset.value)
  }
}
