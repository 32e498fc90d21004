/// Text for people that is put together from literals and values: what errors and decisions say.
///
/// A parameter of this type takes the same literals as one of type `String`. It is compiled to calls instead of being
/// inlined, which makes a sentence a fifth as large: a boot loader carries hundreds of them, and none is in a hurry.
/// What is inlined nevertheless does nothing, or nothing but call.
public struct Sentence: ExpressibleByStringInterpolation, Sendable {
  public typealias StringLiteralType = StaticString
  public typealias StringInterpolation = Parts

  /// UTF-8. One reference is passed around, where a `String` is two words.
  private let bytes: [UInt8]

  @inline(__always) private init(bytes: [UInt8]) { self.bytes = bytes }
  @inline(never) public init(_ text: String) { bytes = text.bytes }
  @inline(__always) public init(stringLiteral text: StaticString) {
    self = text.utf8CodeUnitCount > 0 ? unsafe sentence(nulTerminated: text.utf8Start) : Sentence(bytes: [])
  }
  @inline(__always) public init(stringInterpolation parts: Parts) { bytes = parts.bytes }

  @inline(never) public var text: String { String(bytes: bytes) }

  @inline(never) public static func + (left: consuming Sentence, right: consuming Sentence) -> Sentence {
    Sentence(bytes: left.bytes + right.bytes)
  }

  @inline(__always) public static func += (left: inout Sentence, right: Sentence) { left = left + right }

  public struct Parts: StringInterpolationProtocol {
    public typealias StringLiteralType = StaticString

    fileprivate var bytes: [UInt8] = []

    @inline(__always) public init(literalCapacity: Int, interpolationCount: Int) {}

    /// An interpolation has an empty literal between two values, and at each end where a value stands.
    @inline(__always) public mutating func appendLiteral(_ literal: StaticString) {
      if literal.utf8CodeUnitCount > 0 { unsafe append(nulTerminated: literal.utf8Start) }
    }

    @inline(never) fileprivate mutating func append(nulTerminated literal: UnsafePointer<UInt8>) {
      // SAFETY: 1. a literal's UTF-8 ends with a NUL, and lives as long as the program; 2. nothing behind it is read.
      var next = unsafe literal
      while unsafe next.pointee != 0 {
        unsafe bytes.add(next.pointee)
        unsafe next += 1
      }
    }

    @inline(never) public mutating func appendInterpolation(_ value: String) { bytes += value.bytes }
    @inline(never) public mutating func appendInterpolation(_ value: consuming Sentence) { bytes += value.bytes }
    @inline(__always) public mutating func appendInterpolation(_ value: StaticString) { appendLiteral(value) }

    @inline(never) public mutating func appendInterpolation(_ value: Int) {
      if value < 0 { bytes.add(UInt8(ascii: "-")) }
      appendDigits(of: UInt64(value.magnitude), radix: 10)
    }

    @inline(never) public mutating func appendInterpolation(_ value: UInt64) { appendDigits(of: value, radix: 10) }

    public mutating func appendInterpolation(_ value: Int64) { appendInterpolation(Int(value)) }
    public mutating func appendInterpolation(_ value: some FixedWidthInteger & UnsignedInteger) {
      appendInterpolation(UInt64(value))
    }

    /// `0x` and lower-case digits.
    @inline(never) public mutating func appendInterpolation(hex value: UInt64) {
      appendLiteral("0x")
      appendDigits(of: value, radix: 16)
    }

    public mutating func appendInterpolation(hex value: some FixedWidthInteger & UnsignedInteger) {
      appendInterpolation(hex: UInt64(value))
    }
    public mutating func appendInterpolation(hex address: some Address) { appendInterpolation(hex: address.value) }
    public mutating func appendInterpolation(hex count: ByteCount) { appendInterpolation(hex: count.value) }

    /// A half-open range: `[0x1000000, 0x3c00000)`.
    public mutating func appendInterpolation<Position: Address>(hex range: AddressRange<Position>) {
      appendRange(range.start.value, range.endValue)
    }

    @inline(never) private mutating func appendRange(_ start: UInt64, _ end: UInt64) {
      appendLiteral("[")
      appendInterpolation(hex: start)
      appendLiteral(", ")
      appendInterpolation(hex: end)
      appendLiteral(")")
    }

    private mutating func appendDigits(of value: UInt64, radix: UInt64) {
      if value >= radix { appendDigits(of: value / radix, radix: radix) }
      let digit = UInt8(truncatingIfNeeded: value % radix)
      bytes.add(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit)
    }
  }
}

@inline(never) private func sentence(nulTerminated literal: UnsafePointer<UInt8>) -> Sentence {
  var parts = Sentence.Parts(literalCapacity: 0, interpolationCount: 0)
  unsafe parts.append(nulTerminated: literal)
  return Sentence(stringInterpolation: parts)
}

/// The text of a sentence, where a `String` is wanted.
@inline(never) public func text(_ sentence: consuming Sentence) -> String { sentence.text }
