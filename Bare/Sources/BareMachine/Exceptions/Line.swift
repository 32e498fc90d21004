import Addresses

/// A line of text as bytes.
///
/// Swift's `String` keeps a tag in the top bits of its pointer to anything longer than 15 bytes, and so cannot hold a
/// literal of a program that runs in the upper half of the address space. A line is made of `StaticString`s, which are
/// plain pointers, and of numbers.
public struct Line: ExpressibleByStringInterpolation {
  public private(set) var bytes: [UInt8] = []

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// A string that is no literal, or has at most 15 bytes.
  public init(text: String) { bytes = text.bytes }

  @inline(never) public init(constant text: StaticString) { append(text) }

  @inline(never) fileprivate mutating func append(_ text: StaticString) {
    // SAFETY: a literal lives as long as the program, and its bytes are those that it counts.
    for index in 0..<text.utf8CodeUnitCount { unsafe bytes.add(text.utf8Start[index]) }
  }

  public init(stringLiteral: StaticString) { self.init(constant: stringLiteral) }

  public init(stringInterpolation: Interpolation) { self = stringInterpolation.line }

  public var isEmpty: Bool { bytes.isEmpty }
  public var count: Int { bytes.count }

  @inline(never) public static func + (left: Line, right: Line) -> Line { Line(left.bytes + right.bytes) }

  public static func += (left: inout Line, right: Line) { left.bytes += right.bytes }

  public static func == (left: Line, right: Line) -> Bool { left.bytes == right.bytes }

  /// The byte, so many times.
  public init(repeating byte: UInt8, count: Int) { bytes = [UInt8](repeating: byte, count: count) }

  public struct Interpolation: StringInterpolationProtocol {
    fileprivate var line = Line([])

    public init(literalCapacity: Int, interpolationCount: Int) {
      line.bytes.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    public mutating func appendLiteral(_ literal: StaticString) { line.append(literal) }
    public mutating func appendInterpolation(_ part: Line) { line += part }
    public mutating func appendInterpolation(constant: StaticString) { line.append(constant) }
    public mutating func appendInterpolation(text: String) { line += Line(text: text) }
    public mutating func appendInterpolation(_ number: some BinaryInteger) {
      line += Text.decimal(UInt64(number.magnitude))
    }
  }
  public typealias StringInterpolation = Interpolation
}

/// A literal is a line unless it is told to be something else.
typealias StringLiteralType = Line
