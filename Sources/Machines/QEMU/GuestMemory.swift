public import Addresses
public import PageTables

/// The memory of a guest on QEMU's `pc` machine, as the file that backs it. Meaningful while the guest is stopped.
public final class GuestMemory {
  public let size: ByteCount
  let file: AnonymousFile

  /// - Throws: ``MachineError`` when the system does not give the file.
  public init(size: ByteCount) throws(MachineError) {
    self.size = size
    file = try AnonymousFile(label: "guest memory", size: size)
  }

  /// Calls `body` with the bytes of a physical range, or returns nil where not all of it is memory.
  public func withBytes<Result>(of range: PhysicalRange, _ body: (RawSpan) -> Result) -> Result? {
    guard let last = range.last,
      let start = QEMUMemoryMap.fileOffset(of: range.start, size: size),
      let end = QEMUMemoryMap.fileOffset(of: last, size: size), end - start == range.count.value - 1
    else { return nil }
    return file.withBytes { body($0.extracting(Int(start)..<Int(end) + 1)) }
  }
}

extension GuestMemory: TableMemory {
  public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    guard address.value <= PhysicalAddress.greatest - 7 else { return nil }
    return withBytes(of: PhysicalRange(uncheckedStart: address, count: ByteCount(8))) { bytes in
      // SAFETY: 1. the span is eight bytes long; 2. every bit pattern is an integer.
      unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
    }
  }
}
