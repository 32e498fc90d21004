/// Text for people that is put together from literals and values: what errors and decisions say.
///
/// A parameter of this type takes the same literals as one of type `String`. It is compiled to calls instead of being
/// inlined, which makes a sentence a fifth as large: a boot loader carries hundreds of them, and none is in a hurry.
public struct Sentence: ExpressibleByStringInterpolation, Sendable {
  public typealias StringLiteralType = StaticString
  public typealias StringInterpolation = Parts

  public var text: String

  @inline(never) public init(_ text: String) { self.text = text }
  @inline(never) public init(stringLiteral text: StaticString) { self.text = text.description }
  @inline(never) public init(stringInterpolation parts: Parts) { text = parts.text }

  @inline(never) public static func + (left: Sentence, right: Sentence) -> Sentence {
    Sentence(left.text + right.text)
  }

  @inline(never) public static func += (left: inout Sentence, right: Sentence) { left.text += right.text }

  public struct Parts: StringInterpolationProtocol {
    public typealias StringLiteralType = StaticString

    var text = ""

    @inline(never) public init(literalCapacity: Int, interpolationCount: Int) {}
    @inline(never) public mutating func appendLiteral(_ literal: StaticString) { text += literal.description }
    @inline(never) public mutating func appendInterpolation(_ value: String) { text += value }
    @inline(never) public mutating func appendInterpolation(_ value: Sentence) { text += value.text }
    @inline(never) public mutating func appendInterpolation(_ value: StaticString) { text += value.description }
    @inline(never) public mutating func appendInterpolation(_ value: Int) { text += String(value) }
    @inline(never) public mutating func appendInterpolation(_ value: UInt64) { text += String(value) }

    public mutating func appendInterpolation(_ value: Int64) { appendInterpolation(Int(value)) }
    public mutating func appendInterpolation(_ value: some FixedWidthInteger & UnsignedInteger) {
      appendInterpolation(UInt64(value))
    }
  }
}

/// The text of a sentence, where a `String` is wanted.
@inline(never) public func text(_ sentence: Sentence) -> String { sentence.text }
