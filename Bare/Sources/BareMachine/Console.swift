import Processor

/// The first serial port (PC16550D), polled: all that the loader and the kernel have to say.
public enum Console {
  private static var port: UInt16 { 0x3f8 }

  /// 115,200 baud, eight bits, no parity, FIFOs on, no interrupts.
  public static func start() {
    // Register offset and value: interrupts off; divisor latch open, 1, 0; 8N1; FIFOs; DTR and RTS.
    for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (2, 7), (4, 3)] as [(UInt16, UInt8)] {
      port_write8(port + register, value)
    }
  }

  /// A line, and the end of it.
  @inline(never) public static func say(_ line: String) {
    let bytes = line.utf8.span
    for index in bytes.indices { write(bytes[index]) }
    write(UInt8(ascii: "\n"))
  }

  /// A constant line, for where no memory can be had to make one.
  public static func say(constant line: StaticString) {
    show(constant: line)
    write(UInt8(ascii: "\n"))
  }

  /// Constant text without the end of a line.
  @inline(never) static func show(constant text: StaticString) {
    // SAFETY: a literal lives as long as the program, and its bytes are those that it counts.
    for index in 0..<text.utf8CodeUnitCount { unsafe write(text.utf8Start[index]) }
  }

  @inline(never) static func write(_ byte: UInt8) {
    // Bit 5 of the line status: the transmitter takes another byte.
    while port_read8(port + 5) & 0x20 == 0 {}
    port_write8(port, byte)
  }
}
