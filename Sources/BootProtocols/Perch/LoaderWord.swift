import Addresses

/// One word of a loader's command line, and what its value may be.
struct LoaderWord {
  let bytes: ArraySlice<UInt8>

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  static func skipBlanks(in line: [UInt8], from position: Int) -> Int {
    line[position...].firstIndex { !isBlank($0) } ?? line.endIndex
  }

  /// The next word; nil where only blanks follow.
  init?(in line: [UInt8], from position: Int) {
    let start = Self.skipBlanks(in: line, from: position)
    guard start < line.endIndex else { return nil }
    bytes = line[start..<(line[start...].firstIndex(where: Self.isBlank) ?? line.endIndex)]
  }

  func spells(_ text: String) -> Bool { bytes.elementsEqual(text.utf8) }

  /// What stands behind `key=`.
  func value(of key: String) -> ArraySlice<UInt8>? {
    guard let sign = bytes.firstIndex(of: UInt8(ascii: "=")), bytes[..<sign].elementsEqual(key.utf8) else { return nil }
    return bytes[(sign + 1)...]
  }

  func error(_ problem: LoaderCommandLineError.Problem, _ allowed: StaticString) -> LoaderCommandLineError {
    LoaderCommandLineError(
      problem: problem, word: String(decoding: bytes, as: UTF8.self), offset: bytes.startIndex, allowed: allowed)
  }

  func require(
    _ condition: Bool, _ problem: LoaderCommandLineError.Problem, _ allowed: StaticString
  ) throws(LoaderCommandLineError) {
    guard condition else { throw error(problem, allowed) }
  }

  func feature() throws(LoaderCommandLineError) -> ProcessorFeatures {
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

  func number(_ value: ArraySlice<UInt8>) throws(LoaderCommandLineError) -> UInt64 {
    guard let number = unsigned(value) else {
      throw error(.value, "a number below 2^64, decimal or behind 0x")
    }
    return number
  }

  func signedNumber(_ value: ArraySlice<UInt8>) throws(LoaderCommandLineError) -> Int64 {
    let isNegative = value.first == UInt8(ascii: "-")
    // The magnitude of the least Int64 is one more than that of the greatest.
    guard let magnitude = unsigned(isNegative ? value.dropFirst() : value),
      magnitude <= UInt64(Int64.max) + (isNegative ? 1 : 0)
    else { throw error(.value, "a number from -2^63 to 2^63-1, decimal or behind 0x") }
    return Int64(truncatingIfNeeded: isNegative ? 0 &- magnitude : magnitude)
  }

  func physical(_ value: ArraySlice<UInt8>) throws(LoaderCommandLineError) -> LoaderCommandLine.Physical {
    if value.elementsEqual("any".utf8) { return .any }
    if value.elementsEqual("linked".utf8) { return .linked }
    if value.elementsEqual("in-place".utf8) { return .inPlace }
    guard let number = unsigned(value), number <= PhysicalAddress.greatest else {
      throw error(.value, "any, linked, in-place, or an address below 2^56")
    }
    return .at(PhysicalAddress(unchecked: number))
  }

  /// ADDRESS+SIZE[,NAME]
  func module(_ value: ArraySlice<UInt8>) throws(LoaderCommandLineError) -> LoaderCommandLine.Module {
    let comma = value.firstIndex(of: UInt8(ascii: ",")) ?? value.endIndex
    let numbers = value[..<comma]
    let plus = numbers.firstIndex(of: UInt8(ascii: "+")) ?? numbers.endIndex
    guard let start = unsigned(numbers[..<plus]), start <= PhysicalAddress.greatest,
      let count = unsigned(numbers[plus...].dropFirst()), count > 0,
      let range = PhysicalRange(start: PhysicalAddress(unchecked: start), count: ByteCount(count))
    else { throw error(.value, "ADDRESS+SIZE or ADDRESS+SIZE,NAME: a byte or more, below 2^56") }
    return .init(physical: range, name: String(decoding: value[comma...].dropFirst(), as: UTF8.self))
  }

  /// Decimal digits, or hexadecimal ones behind `0x`; nil for anything else and for what 64 bits do not hold.
  private func unsigned(_ text: ArraySlice<UInt8>) -> UInt64? {
    let isHexadecimal = text.starts(with: "0x".utf8)
    let digits = isHexadecimal ? text.dropFirst(2) : text
    guard !digits.isEmpty else { return nil }
    var sum: UInt64 = 0
    for byte in digits {
      guard let digit = digit(byte), isHexadecimal || digit < 10 else { return nil }
      let (product, overflow) = sum.multipliedReportingOverflow(by: isHexadecimal ? 16 : 10)
      let (next, carry) = product.addingReportingOverflow(digit)
      guard !overflow, !carry else { return nil }
      sum = next
    }
    return sum
  }

  private func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}
