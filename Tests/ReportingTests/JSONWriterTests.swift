import Reporting
import TestSupport
import Testing

@Suite struct JSONWriterTests {
  @Test func sortsKeysAndIndents() {
    let value = JSONValue.members(["b": .array([.integer(1), .bool(true), .null]), "a": .array([]), "c": .object([])])
    #expect(
      value.text == """
        {
          "a": [],
          "b": [
            1,
            true,
            null
          ],
          "c": {}
        }
        """)
  }

  @Test func orderOfMembersDoesNotMatter() {
    let one = JSONValue.members(["x": .integer(1), "y": .integer(2)])
    let other = JSONValue.members(["y": .integer(2), "x": .integer(1)])
    #expect(one.text == other.text)
  }

  /// RFC 8259, section 7.
  @Test func escapes() {
    #expect(JSONValue.string("\"\\/\u{8}\u{c}\n\r\t").text == #""\"\\/\b\f\n\r\t""#)
    #expect(JSONValue.string("\u{0}\u{1f}\u{7f}\u{9b}").text == #""\u0000\u001f\u007f\u009b""#)
    #expect(JSONValue.string("é 𝄞").text == "\"é 𝄞\"")
  }

  @Test func anotherParserReadsBackWhatWasWritten() throws {
    let strings = (UInt32(0)..<0x180).compactMap(Unicode.Scalar.init).map { "a\($0)b" }
    let text = JSONValue.array(strings.map { .string($0) }).text
    #expect(try JSONDocument(parsing: text) == .array(strings.map { .string($0) }))
  }

  @Test func countsAreNumbersWhileEveryReaderHoldsThem() {
    #expect(JSONValue.count(0).text == "0")
    #expect(JSONValue.count((1 << 53) - 1).text == "9007199254740991")
    #expect(JSONValue.count(1 << 53).text == "\"9007199254740992\"")
    #expect(JSONValue.count(.max).text == "\"18446744073709551615\"")
  }

  @Test func hundredthsHaveTwoDecimals() {
    #expect(JSONValue.hundredths(898).text == "8.98")
    #expect(JSONValue.hundredths(-5).text == "-0.05")
    #expect(JSONValue.hundredths(100).text == "1.00")
  }

  @Test func addressesAreHexadecimalStrings() {
    #expect(JSONValue.address(0xffff_ffff_8100_0000).text == "\"0xffffffff81000000\"")
    #expect(JSONValue.address(0).text == "\"0x0\"")
  }
}
