/// Cuts the monitor's stream into messages: one JSON object a line (QEMU, docs/interop/qmp-spec.txt, 2.1).
struct QMPDecoder {
  /// The longest message, in bytes; the longest that QEMU sends is some 100 KiB.
  static let messageLimit = 4 << 20
  /// The most messages that wait to be taken.
  static let queueLimit = 1024

  private var line: [UInt8] = []
  private var messages: [JSONValue] = []

  /// - Throws: ``MachineError/unexpectedAnswer(channel:to:found:)`` for what is no JSON object, or has no end.
  mutating func consume(_ bytes: [UInt8]) throws(MachineError) {
    for byte in bytes {
      if byte == 0x0a {
        try finishLine()
      } else {
        guard line.count < Self.messageLimit else { throw unexpected("a message without an end") }
        line.append(byte)
      }
    }
  }

  /// Takes out the first message that fits.
  mutating func take(where fits: (JSONValue) -> Bool) -> JSONValue? {
    messages.firstIndex(where: fits).map { messages.remove(at: $0) }
  }

  private mutating func finishLine() throws(MachineError) {
    defer { line.removeAll(keepingCapacity: true) }
    guard line.contains(where: { $0 > 0x20 }) else { return }
    guard let message = JSONValue(parsing: line), case .object = message else {
      throw unexpected(String(decoding: line.prefix(200), as: UTF8.self))
    }
    guard messages.count < Self.queueLimit else { throw unexpected("\(Self.queueLimit) messages unasked") }
    messages.append(message)
  }

  private func unexpected(_ found: String) -> MachineError {
    .unexpectedAnswer(channel: "monitor", to: "nothing", found: found)
  }
}
