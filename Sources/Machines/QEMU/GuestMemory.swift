public import Addresses
public import PageTables

/// The memory of a guest under QEMU, as the file that backs it. Meaningful while the guest is stopped.
public final class GuestMemory {
  public let size: ByteCount
  public let layout: Layout
  let file: AnonymousFile
  private let main: Bank
  /// Empty where one bank is all.
  private let upper: Bank

  /// - Throws: ``MachineError`` when the system does not give the file.
  public init(size: ByteCount, layout: Layout = .pc) throws(MachineError) {
    self.size = size
    self.layout = layout
    file = try AnonymousFile(label: "guest memory", size: size)
    (main, upper) = layout.banks(size)
  }

  /// Calls `body` with the bytes of a physical range, or returns nil where not all of it is memory.
  public func withBytes<Result>(of range: PhysicalRange, _ body: (RawSpan) -> Result) -> Result? {
    guard !range.isEmpty, let start = fileOffset(of: range.start, count: range.count.value) else { return nil }
    return file.withBytes { body($0.extracting(start..<start + Int(range.count.value))) }
  }

  /// The little-endian 32-bit word at a physical address, or nil where there is no memory.
  public func loadWord(at address: PhysicalAddress) -> UInt32? {
    fileOffset(of: address, count: 4).map { UInt32(littleEndian: file.load(UInt32.self, at: $0)) }
  }

  /// Where `count` bytes (at least one) from a physical address lie in the file; nil where not all of them are memory.
  func fileOffset(of address: PhysicalAddress, count: UInt64) -> Int? {
    main.fileOffset(of: address, count: count) ?? upper.fileOffset(of: address, count: count)
  }
}

extension GuestMemory: TableMemory {
  public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    guard let offset = fileOffset(of: address, count: 8) else { return nil }
    return UInt64(littleEndian: file.load(UInt64.self, at: offset))
  }
}

/// Writing, for a guest that has not started, or stands.
extension GuestMemory {
  /// Writes bytes to a physical address.
  ///
  /// - Returns: false, and nothing is written, where not all of them would lie in memory.
  @discardableResult
  public func store(_ bytes: [UInt8], at address: PhysicalAddress) -> Bool {
    guard !bytes.isEmpty else { return true }
    guard let start = fileOffset(of: address, count: UInt64(bytes.count)) else { return false }
    file.withMutableBytes { span in
      for (index, byte) in bytes.enumerated() {
        span.storeBytes(of: byte, toByteOffset: start + index, as: UInt8.self)
      }
    }
    return true
  }

  /// Writes a little-endian 64-bit word to a physical address.
  ///
  /// - Returns: false, and nothing is written, where not all of it would lie in memory.
  @discardableResult
  public func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
    guard let start = fileOffset(of: address, count: 8) else { return false }
    file.withMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: start, as: UInt64.self) }
    return true
  }
}
