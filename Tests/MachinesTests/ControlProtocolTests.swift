import Testing

@testable import Machines

@Suite struct GDBPacketTests {
  @Test func packetsAreFramedAsTheManualSays() {
    // GDB manual, appendix E.1: the sum of the characters modulo 256 in two digits. `OK` is 0x4f + 0x4b = 0x9a.
    #expect(GDBPacket.encode("OK") == Array("$OK#9a".utf8))
    // `D` is 0x44; a sum below 16 keeps its zero: sixteen times `0` (0x30) and a `\u{1}` are 0x300 + 1.
    #expect(GDBPacket.encode("D") == Array("$D#44".utf8))
    #expect(GDBPacket.encode(String(repeating: "0", count: 16) + "\u{1}").suffix(3) == Array("#01".utf8)[...])
    #expect(GDBPacket.encode("") == Array("$#00".utf8))
  }

  @Test func packetsAreReadInAnyCut() throws {
    let stream = Array("+$OK#9a++$T05thread:01;#07$#00".utf8)
    for cut in 0...stream.count {
      var decoder = GDBPacketDecoder()
      try decoder.consume(Array(stream[..<cut]))
      try decoder.consume(Array(stream[cut...]))
      #expect(decoder.take { $0.hasPrefix("T") } == "T05thread:01;")
      #expect(decoder.take { _ in true } == "OK")
      #expect(decoder.take { _ in true } == "")
      #expect(decoder.take { _ in true } == nil)
      #expect(decoder.takeUnacknowledged() == 3)
      #expect(decoder.takeUnacknowledged() == 0)
    }
  }

  @Test func escapedBytesAreRestored() throws {
    // `}` escapes the byte that follows, XORed with 0x20: 0x7d + 0x03 = 0x80; 0x03 ^ 0x20 = `#`.
    var decoder = GDBPacketDecoder()
    try decoder.consume([0x24, 0x7d, 0x03, 0x23, 0x38, 0x30])
    #expect(decoder.take { _ in true } == "#")
  }

  @Test func aWrongChecksumIsRefused() {
    var decoder = GDBPacketDecoder()
    #expect(throws: MachineError.self) { try decoder.consume(Array("$OK#9b".utf8)) }
  }

  @Test func aPacketWithoutAnEndIsRefused() {
    var decoder = GDBPacketDecoder()
    #expect(throws: MachineError.self) { try decoder.consume([0x24] + [UInt8](repeating: 0x41, count: 70_000)) }
  }
}

@Suite struct QMPTests {
  @Test func messagesAreReadInAnyCut() throws {
    let stream =
      Array(
        #"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}"#.utf8)
      + [0x0d, 0x0a] + Array(#"{"return": "gpa: 0x1000\r\n"}"#.utf8) + [0x0d, 0x0a]
    for cut in 0...stream.count {
      var decoder = QMPDecoder()
      try decoder.consume(Array(stream[..<cut]))
      try decoder.consume(Array(stream[cut...]))
      #expect(decoder.take { $0["return"] != nil }?["return"] == .string("gpa: 0x1000\r\n"))
      #expect(decoder.take { $0["QMP"] != nil }?["QMP"]?["capabilities"] == .array([.string("oob")]))
    }
  }

  @Test func whatIsNoObjectIsRefused() {
    for text in ["[]\n", "{\n", "hello\n"] {
      var decoder = QMPDecoder()
      #expect(throws: MachineError.self) { try decoder.consume(Array(text.utf8)) }
    }
  }

  @Test(arguments: [
    (#""\u00e9\ud83d\ude00\n\/""#, JSONValue.string("é😀\n/")), (#""\ud83d""#, nil), (#""\ude00""#, .string("\u{fffd}")),
    ("-1.5e3", .number("-1.5e3")), ("1-", nil), ("", nil), ("[1,]", nil), (#"{"a":}"#, nil), ("true false", nil),
    (
      #" { "a" : [ null , true , { } ] } "#,
      .object([.init(name: "a", value: .array([.null, .bool(true), .object([])]))])
    ),
  ])
  func valuesAreReadAsRFC8259Says(text: String, expected: JSONValue?) {
    #expect(JSONValue(parsing: Array(text.utf8)) == expected)
  }

  @Test func nestingIsBounded() {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
    #expect(JSONValue(parsing: deep) == nil)
  }

  @Test func stringsAreQuoted() {
    #expect(JSONValue.string("a\"\\\n\u{1}é").text == #""a\"\\\u000a\u0001é""#)
  }
}
