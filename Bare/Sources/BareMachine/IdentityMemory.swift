public import Addresses
public import BootProtocols

/// Physical memory of a program that runs where its memory is mapped at its own address.
///
/// `@safe`: ``add(_:)`` and the initializer state what has to hold, and every access is held against the ranges.
@safe public struct IdentityMemory: BootMemory {
  /// What is mapped so. A range may go on in the next.
  public private(set) var mapped: [PhysicalRange]

  /// - Parameter mapped: whole pages that are mapped at their own addresses, readable and writable.
  @unsafe public init(mapped: PhysicalRange) { self.mapped = [mapped] }

  /// More of them.
  @unsafe public mutating func add(_ range: PhysicalRange) { mapped.add(range) }

  /// Whether all bytes of a range can be reached. Address 0 cannot: no pointer has it.
  public func holds(_ range: PhysicalRange) -> Bool {
    guard range.start.value > 0 else { return range.isEmpty }
    var next = range.start.value
    for part in mapped where part.start.value <= next && next < part.endValue {
      next = part.endValue
      if next >= range.endValue { return true }
    }
    return range.isEmpty
  }

  public func loadByte(at address: PhysicalAddress) -> UInt8? {
    guard holds(PhysicalRange(uncheckedStart: address, count: ByteCount(1))) else { return nil }
    // SAFETY: 1. the address is mapped, as whoever made this value promises; 2. any byte is an integer.
    return unsafe UnsafePointer<UInt8>(bitPattern: UInt(address.value))?.pointee
  }

  /// Lends the bytes of a range. They must not change meanwhile, but by who knows what depends on them.
  public func withBytes<Result, Failure: Error>(
    of range: PhysicalRange, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(range.isEmpty || holds(range), "the range is mapped")
    // SAFETY: 1. the range is mapped; 2. the span ends with the closure.
    let buffer = unsafe UnsafeRawBufferPointer(
      start: UnsafeRawPointer(bitPattern: UInt(range.start.value)), count: Int(range.count.value))
    return try unsafe body(buffer.bytes)
  }

  /// Lends the bytes of a range to be written.
  public func withMutableBytes<Result, Failure: Error>(
    of range: PhysicalRange, _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(range.isEmpty || holds(range), "the range is mapped")
    // SAFETY: 1. the range is mapped writable; 2. the span ends with the closure; 3. the plan keeps what is written apart
    // from what is in use.
    let buffer = unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: UInt(range.start.value)), count: Int(range.count.value))
    var span = unsafe buffer.mutableBytes
    return try body(&span)
  }
}
