import Addresses
import TestSupport
import Testing

@Suite struct SentenceTests {
  @Test func literalsAndValues() {
    let name = "größe"
    let sentence: Sentence = "\(name) is \(-5 as Int), \(7 as UInt8) and \(UInt64.max); \(Int64.min)\("" as Sentence)"
    #expect(sentence.text == "größe is -5, 7 and 18446744073709551615; -9223372036854775808")
    #expect(("" as Sentence).text.isEmpty && ("ü×" as Sentence).text == "ü×")
    #expect((("a" as Sentence) + "b\(1 as Int)" + "").text == "ab1")
    var grown: Sentence = "x"
    grown += " and y"
    #expect(grown.text == "x and y" && text("\(grown)!") == "x and y!")
  }

  @Test func hexadecimal() {
    let range = PhysicalRange(uncheckedStart: PhysicalAddress(0x100_0000), count: ByteCount(0x2c0_0000))
    #expect(text("\(hex: range)") == "[0x1000000, 0x3c00000)")
    #expect(text("\(hex: UInt64.max) \(hex: 0 as UInt8)") == "0xffffffffffffffff 0x0")
    #expect(text("\(hex: VirtualAddress(0xffff_ffff_8020_0000)) \(hex: ByteCount(10))") == "0xffffffff80200000 0xa")
  }

  /// As the library writes them.
  @Test func numbers() {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<1000 {
      let value = UInt64.random(in: 0 ... .max, using: &random) >> UInt64.random(in: 0..<64, using: &random)
      #expect(text("\(value) \(hex: value)") == "\(value) 0x\(String(value, radix: 16))")
      #expect(text("\(Int64(bitPattern: value))") == "\(Int64(bitPattern: value))")
    }
  }
}

@Suite struct ByteSliceTests {
  private func slice(_ text: String) -> ArraySlice<UInt8> { Array(("<" + text + ">").utf8).dropFirst().dropLast() }

  /// `UInt64(_:radix:)` takes a sign, which is no digit.
  @Test(arguments: [
    "", "0", "007", "18446744073709551615", "18446744073709551616", "99999999999999999999", "12a", "ffffffffffffffff",
    "10000000000000000", "FfaB", "g", "-1", "+1", " 1", "1 ", "@", "`", "[", "{", "/", ":", "ä",
  ])
  func number(text: String) {
    let isSigned = text.hasPrefix("-") || text.hasPrefix("+")
    for radix in [10, 16] {
      #expect(slice(text).number(radix: UInt64(radix)) == (isSigned ? nil : UInt64(text, radix: radix)))
    }
  }

  @Test func cut() {
    #expect(slice("a=b=c").cut(at: UInt8(ascii: "=")).map { [Array($0), Array($1)] } == [[97], [98, 61, 99]])
    #expect(slice("=").cut(at: UInt8(ascii: "=")).map { [Array($0), Array($1)] } == [[], []])
    // The brackets around it are not part of the slice.
    #expect(slice("abc").cut(at: UInt8(ascii: ">")) == nil)
  }

  @Test func spelling() {
    #expect(slice("größe").spells("größe") && slice("").spells(""))
    #expect(!slice("abc").spells("ab") && !slice("ab").spells("abc") && !slice("abc").spells("abd"))
    // The same letter for a reader, and not for a loader.
    #expect(!"e\u{301}".isSame(as: "\u{e9}") && "é".isSame(as: "\u{e9}"))
  }
}

@Suite struct OrderTests {
  /// Ascending, and equal keys as they were; the library's sort is stable too, but does not promise it.
  @Test(arguments: [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 100, 1000])
  func stable(count: Int) {
    var random = SeededGenerator(seed: UInt64(count))
    let keys = (0..<count).map { _ in UInt64.random(in: 0...20, using: &random) &* 0x0fff_ffff_ffff_ffff }
    let order = keys.order { $0 }
    #expect(order.sorted() == Array(0..<count))
    for (first, second) in zip(order, order.dropFirst()) {
      #expect(keys[first] < keys[second] || (keys[first] == keys[second] && first < second))
    }
    #expect(keys.ordered { $0 } == keys.sorted())
  }
}
