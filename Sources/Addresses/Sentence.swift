/// Text for people that is put together from literals and values: what errors and decisions say.
///
/// A parameter of this type takes the same literals as one of type `String`. It is compiled to calls instead of being
/// inlined, which makes a sentence a fifth as large: a boot loader carries hundreds of them, and none is in a hurry.
/// What is inlined nevertheless does nothing, or nothing but call.
public struct Sentence: ExpressibleByStringInterpolation, Sendable {
  public typealias StringLiteralType = StaticString
  public typealias StringInterpolation = Parts

  public var text: String

  @inline(__always) public init(_ text: String) { self.text = text }
  @inline(never) public init(stringLiteral text: StaticString) { self.text = text.description }
  @inline(__always) public init(stringInterpolation parts: Parts) { text = parts.text }

  @inline(never) public static func + (left: Sentence, right: Sentence) -> Sentence {
    Sentence(left.text + right.text)
  }

  @inline(never) public static func += (left: inout Sentence, right: Sentence) { left.text += right.text }

  public struct Parts: StringInterpolationProtocol {
    public typealias StringLiteralType = StaticString

    var text = ""

    @inline(__always) public init(literalCapacity: Int, interpolationCount: Int) {}

    /// An interpolation has an empty literal between two values and at each end where a value stands.
    @inline(__always) public mutating func appendLiteral(_ literal: StaticString) {
      if literal.utf8CodeUnitCount > 0 { appendInterpolation(literal) }
    }

    @inline(never) public mutating func appendInterpolation(_ value: String) { text += value }
    @inline(__always) public mutating func appendInterpolation(_ value: Sentence) { appendInterpolation(value.text) }
    @inline(never) public mutating func appendInterpolation(_ value: StaticString) { text += value.description }
    @inline(never) public mutating func appendInterpolation(_ value: Int) { text += String(value) }
    @inline(never) public mutating func appendInterpolation(_ value: UInt64) { text += String(value) }

    public mutating func appendInterpolation(_ value: Int64) { appendInterpolation(Int(value)) }
    public mutating func appendInterpolation(_ value: some FixedWidthInteger & UnsignedInteger) {
      appendInterpolation(UInt64(value))
    }

    /// `0x` and lower-case digits.
    @inline(never) public mutating func appendInterpolation(hex value: UInt64) {
      text += "0x"
      text += String(value, radix: 16)
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
      text += "["
      appendInterpolation(hex: start)
      text += ", "
      appendInterpolation(hex: end)
      text += ")"
    }
  }
}

/// The text of a sentence, where a `String` is wanted.
@inline(__always) public func text(_ sentence: Sentence) -> String { sentence.text }
