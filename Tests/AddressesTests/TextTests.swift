import Addresses
import Testing

@Suite struct TextTests {
  /// The Unicode standard's own examples (16.0, 3.9, tables 3-8 to 3-11), and every kind of end in the middle.
  @Test(
    arguments: [
      [0xc0, 0xaf, 0xe0, 0x80, 0xbf, 0xf0, 0x81, 0x82, 0x41], [0xed, 0xa0, 0x80, 0xed, 0xbf, 0xbf, 0xed, 0xaf, 0x41],
      [0xf4, 0x91, 0x92, 0x93, 0xff, 0x41, 0x80, 0xbf, 0x42], [0xe1, 0x80, 0xe2, 0xf0, 0x91, 0x92, 0xf1, 0xbf, 0x41],
      [0xf0, 0x9f, 0xa7], [0xe2, 0x82], [0xc3], [], [0x41, 0x00, 0x42], [0xf0, 0x9f, 0xa7, 0xaa, 0xc3, 0xa4],
    ] as [[UInt8]])
  func brokenTextIsMendedAsTheLibraryDoes(_ bytes: [UInt8]) {
    #expect(Array(String(bytes: bytes).utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8))
    #expect(String(bytes: bytes).bytes == Array(String(decoding: bytes, as: UTF8.self).utf8))
  }

  /// All of two bytes, and of three from the corners of each.
  @Test func anyBytes() {
    for first in UInt8.min ... .max {
      for second in UInt8.min ... .max {
        for rest in [[], [0x41], [0x80, 0x41], [0x80, 0xbf], [0xc3], [0xf0, 0x90]] as [[UInt8]] {
          let bytes = [first, second] + rest
          let expected = Array(String(decoding: bytes, as: UTF8.self).utf8)
          #expect(String(bytes: bytes).bytes == expected, "\(bytes)")
        }
      }
    }
  }
}
