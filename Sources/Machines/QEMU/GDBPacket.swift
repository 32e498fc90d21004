/// The framing of GDB's remote protocol (GDB manual, appendix E.1): `$body#checksum`, answered with `+`.
enum GDBPacket {
  /// The sum of the body's bytes, modulo 256.
  static func checksum(_ body: some Sequence<UInt8>) -> UInt8 { body.reduce(0, &+) }

  /// A packet of plain ASCII, ready to be sent.
  static func encode(_ body: String) -> [UInt8] {
    let sum = String(checksum(body.utf8), radix: 16)
    return Array("$\(body)#\(sum.count == 1 ? "0" : "")\(sum)".utf8)
  }
}

/// Cuts the debugger's stream into the bodies of its packets.
struct GDBPacketDecoder {
  /// The longest packet, in bytes; QEMU's are at most 4 KiB.
  static let packetLimit = 1 << 16
  /// The most packets that wait to be taken.
  static let queueLimit = 1024

  private enum State {
    case outside
    case body
    case escape
    case checksum
  }

  private var state = State.outside
  private var raw: [UInt8] = []
  private var body: [UInt8] = []
  private var digits: [UInt8] = []
  private var packets: [String] = []
  /// How many packets arrived since they were last acknowledged.
  private(set) var unacknowledged = 0

  /// - Throws: ``MachineError/unexpectedAnswer(channel:to:found:)`` for a wrong checksum or a packet without an end.
  mutating func consume(_ bytes: [UInt8]) throws(MachineError) {
    for byte in bytes { try consume(byte) }
  }

  /// Takes out the first packet that fits.
  mutating func take(where fits: (String) -> Bool) -> String? {
    packets.firstIndex(where: fits).map { packets.remove(at: $0) }
  }

  /// Says how many acknowledgements are due, and considers them sent.
  mutating func takeUnacknowledged() -> Int {
    defer { unacknowledged = 0 }
    return unacknowledged
  }

  private mutating func consume(_ byte: UInt8) throws(MachineError) {
    switch state {
    case .outside:
      // Acknowledgements of our packets come here; the stream is reliable, so that they say nothing.
      guard byte == UInt8(ascii: "$") else { return }
      (raw, body, digits) = ([], [], [])
      state = .body
    case .body where byte == UInt8(ascii: "#"): state = .checksum
    case .body:
      try keep(byte)
      if byte == UInt8(ascii: "}") { state = .escape } else { body.append(byte) }
    case .escape:
      try keep(byte)
      body.append(byte ^ 0x20)
      state = .body
    case .checksum:
      digits.append(byte)
      if digits.count == 2 { try finish() }
    }
  }

  private mutating func keep(_ byte: UInt8) throws(MachineError) {
    guard raw.count < Self.packetLimit else { throw unexpected("a packet without an end") }
    raw.append(byte)
  }

  private mutating func finish() throws(MachineError) {
    state = .outside
    let text = String(decoding: body, as: UTF8.self)
    guard UInt8(String(decoding: digits, as: UTF8.self), radix: 16) == GDBPacket.checksum(raw) else {
      throw unexpected("a wrong checksum of \(text)")
    }
    guard packets.count < Self.queueLimit else { throw unexpected("\(Self.queueLimit) packets unasked") }
    packets.append(text)
    unacknowledged += 1
  }

  private func unexpected(_ found: String) -> MachineError {
    .unexpectedAnswer(channel: "debugger", to: "nothing", found: found)
  }
}
