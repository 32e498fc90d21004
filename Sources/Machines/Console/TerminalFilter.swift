/// Takes the commands for a terminal out of a stream of bytes (ECMA-48): what remains is text and ends of lines.
struct TerminalFilter {
  enum Meaning: Equatable {
    case nothing
    case endOfLine
    case text(UInt8)
  }

  private enum State {
    case text
    /// ESC has been seen.
    case escape
    /// ESC and an intermediate byte (0x20...0x2f): one final byte is still to come.
    case intermediate
    /// Inside CSI … final byte 0x40...0x7e.
    case controlSequence
    /// Inside OSC, DCS, SOS, PM or APC … up to BEL or ESC \.
    case controlString
    /// ESC inside a control string.
    case stringEscape
  }

  private var state = State.text

  mutating func consume(_ byte: UInt8) -> Meaning {
    switch state {
    case .text: return plain(byte)
    case .escape: state = afterEscape(byte)
    case .intermediate: if !(0x20...0x2f).contains(byte) { state = .text }
    case .controlSequence: return inControlSequence(byte)
    case .controlString:
      if byte == 0x07 { state = .text }
      if byte == 0x1b { state = .stringEscape }
      return aborting(byte)
    case .stringEscape: state = byte == UInt8(ascii: "\\") ? .text : afterEscape(byte)
    }
    return .nothing
  }

  private mutating func plain(_ byte: UInt8) -> Meaning {
    switch byte {
    case 0x1b:
      state = .escape
      return .nothing
    // A carriage return alone starts the line anew: what stood there was a line too. The caller ignores empty ones.
    case 0x0a, 0x0d: return .endOfLine
    case 0x09: return .text(byte)
    case 0x00..<0x20, 0x7f: return .nothing
    default: return .text(byte)
    }
  }

  private func afterEscape(_ byte: UInt8) -> State {
    switch byte {
    case UInt8(ascii: "["): .controlSequence
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "X"), UInt8(ascii: "^"), UInt8(ascii: "_"): .controlString
    case 0x20...0x2f: .intermediate
    case 0x1b: .escape
    default: .text
    }
  }

  private mutating func inControlSequence(_ byte: UInt8) -> Meaning {
    if (0x40...0x7e).contains(byte) { state = .text }
    if byte == 0x1b { state = .escape }
    return aborting(byte)
  }

  /// A guest that dies inside a sequence must not swallow the lines that follow.
  private mutating func aborting(_ byte: UInt8) -> Meaning {
    guard byte == 0x0a else { return .nothing }
    state = .text
    return .endOfLine
  }
}
