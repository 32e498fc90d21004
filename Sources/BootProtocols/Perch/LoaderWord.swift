import Addresses

/// One word of a loader's command line, and what its value may be. A reference, since it goes through many hands.
final class LoaderWord {
  /// The whole line.
  let line: [UInt8]
  /// Where the word stands in it.
  let range: Range<Int>

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  /// The first place from `position` on, or the line's end, where there is a blank or something else.
  @inline(never) static func skip(blanks: Bool, in line: [UInt8], from position: Int) -> Int {
    var position = position
    while position < line.count, isBlank(line[position]) == blanks { position += 1 }
    return position
  }

  /// The next word; nil where only blanks follow.
  init?(in line: [UInt8], from position: Int) {
    let start = Self.skip(blanks: true, in: line, from: position)
    guard start < line.count else { return nil }
    self.line = line
    range = start..<Self.skip(blanks: false, in: line, from: start)
  }

  func spells(_ text: StaticString) -> Bool { spells(text, range) }

  /// Where what stands behind `key=` lies; `key` ends with the sign.
  func value(of key: StaticString) -> Range<Int>? {
    let start = range.lowerBound + key.utf8CodeUnitCount
    guard start <= range.upperBound, spells(key, range.lowerBound..<start) else { return nil }
    return start..<range.upperBound
  }

  /// Whether these bytes of the line are those of a text. Called, not inlined, like all that every word is held against.
  @inline(never) private func spells(_ text: StaticString, _ range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count {
      // SAFETY: a literal has as many bytes as it counts.
      guard unsafe line[range.lowerBound + index] == text.utf8Start[index] else { return false }
    }
    return true
  }

  @inline(never) func text(_ range: Range<Int>) -> String { String(bytes: line[range]) }

  @inline(never) private func first(_ byte: UInt8, in range: Range<Int>) -> Int {
    var position = range.lowerBound
    while position < range.upperBound, line[position] != byte { position += 1 }
    return position
  }

  @inline(never)
  func error(_ problem: LoaderCommandLineError.Problem, _ allowed: StaticString) -> LoaderCommandLineError {
    LoaderCommandLineError(problem, word: text(range), offset: range.lowerBound, allowed: allowed)
  }

  @inline(never)
  func require(
    _ condition: Bool, _ problem: LoaderCommandLineError.Problem, _ allowed: StaticString
  ) throws(LoaderCommandLineError) {
    guard condition else { throw error(problem, allowed) }
  }

  @inline(never) func feature() throws(LoaderCommandLineError) -> ProcessorFeatures {
    if spells("la57") { return .fiveLevelPaging }
    if spells("smep") { return .smep }
    if spells("smap") { return .smap }
    if spells("umip") { return .umip }
    if spells("pge") { return .globalPages }
    throw error(
      .unknown,
      """
      seed=, nokaslr, physical=, slide=, direct-map=, huge-pages, la57, smep, smap, umip, pge, module=, and -- before \
      the kernel's own words
      """)
  }

  @inline(never) func number(_ value: Range<Int>) throws(LoaderCommandLineError) -> UInt64 {
    guard let number = unsigned(value) else {
      throw error(.value, "a number below 2^64, decimal or behind 0x")
    }
    return number
  }

  @inline(never) func signedNumber(_ value: Range<Int>) throws(LoaderCommandLineError) -> Int64 {
    let isNegative = !value.isEmpty && line[value.lowerBound] == UInt8(ascii: "-")
    // The magnitude of the least Int64 is one more than that of the greatest.
    guard let magnitude = unsigned(value.lowerBound + (isNegative ? 1 : 0)..<value.upperBound),
      magnitude <= UInt64(Int64.max) + (isNegative ? 1 : 0)
    else { throw error(.value, "a number from -2^63 to 2^63-1, decimal or behind 0x") }
    return Int64(truncatingIfNeeded: isNegative ? 0 &- magnitude : magnitude)
  }

  @inline(never) func physical(_ value: Range<Int>) throws(LoaderCommandLineError) -> LoaderCommandLine.Physical {
    if spells("any", value) { return .any }
    if spells("linked", value) { return .linked }
    if spells("in-place", value) { return .inPlace }
    guard let number = unsigned(value), number <= PhysicalAddress.greatest else {
      throw error(.value, "any, linked, in-place, or an address below 2^56")
    }
    return .at(PhysicalAddress(unchecked: number))
  }

  /// ADDRESS+SIZE[,NAME]
  @inline(never) func module(_ value: Range<Int>) throws(LoaderCommandLineError) -> BootEnvironment.Module {
    let comma = first(UInt8(ascii: ","), in: value)
    let plus = first(UInt8(ascii: "+"), in: value.lowerBound..<comma)
    guard let start = unsigned(value.lowerBound..<plus), start <= PhysicalAddress.greatest,
      let count = unsigned(min(plus + 1, comma)..<comma), count > 0,
      let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: ByteCount(count))
    else { throw error(.value, "ADDRESS+SIZE or ADDRESS+SIZE,NAME: a byte or more, below 2^56") }
    return .init(physical: range, string: text(min(comma + 1, value.upperBound)..<value.upperBound))
  }

  /// Decimal digits, or hexadecimal ones behind `0x`; nil for anything else and for what 64 bits do not hold.
  @inline(never) private func unsigned(_ range: Range<Int>) -> UInt64? {
    let isHexadecimal = range.count >= 2 && spells("0x", range.lowerBound..<range.lowerBound + 2)
    return line[(range.lowerBound + (isHexadecimal ? 2 : 0))..<range.upperBound].number(radix: isHexadecimal ? 16 : 10)
  }
}
