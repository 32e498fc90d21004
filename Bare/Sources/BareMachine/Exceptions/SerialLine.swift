import Processor

/// Lines out of and into the first serial port (PC16550D), polled; ``Console`` has set it up.
public enum SerialLine {
  private static var port: UInt16 { 0x3f8 }
  /// More is not taken.
  private static var longestLine: Int { 80 }

  /// A line, and the end of it.
  public static func say(_ line: Line) {
    show(line)
    end()
  }

  /// The end of a line.
  public static func end() { write(UInt8(ascii: "\n")) }

  /// Text without the end of a line.
  public static func show(_ text: Line) {
    for byte in text.bytes { write(byte) }
  }

  /// The same for a constant, for where no memory should be had to make a line.
  public static func show(constant text: StaticString) { Console.show(constant: text) }

  /// A line as it was typed, shown as it is typed; backspace takes back.
  public static func read() -> Line {
    var bytes: [UInt8] = []
    while true {
      let byte = readByte()
      switch byte {
      case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        write(UInt8(ascii: "\n"))
        return Line(bytes)
      case 8, 127:
        if bytes.popLast() != nil { show("\u{8} \u{8}") }
      case 0x20..<0x7f where bytes.count < longestLine:
        bytes.append(byte)
        write(byte)
      default: break
      }
    }
  }

  /// Bit 0 of the line status: a byte has arrived.
  private static func readByte() -> UInt8 {
    while port_read8(port + 5) & 1 == 0 {}
    return port_read8(port)
  }

  private static func write(_ byte: UInt8) { Console.write(byte) }
}
