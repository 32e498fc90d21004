/// What the decompressor reads of the command line (arch/x86/boot/compressed/kaslr.c, handle_mem_options).
struct DecompressorCommandLine {
  /// `nokaslr`, a word by itself.
  private(set) var isFixed = false
  /// MAXMEM, or what `mem=` and `memmap=SIZE` leave of it.
  private(set) var memoryLimit = Decompressor.greatestMemory
  /// `memmap=SIZE$START` and its kin, at most four.
  private(set) var avoided: [(start: UInt64, size: UInt64)] = []
  /// More than four: then no physical place is drawn.
  private(set) var hasTooMany = false
  /// Pages of 1 GiB that `hugepages=` asks for behind `hugepagesz=1G`.
  private(set) var hugePages: UInt64 = 0
  private var isGigabyte = false

  private static let mostRegions = 4

  /// Looks at the first 2047 bytes (COMMAND_LINE_SIZE less its end).
  init(_ text: String) {
    let words = text.utf8.prefix(2047).split(whereSeparator: { $0 <= 0x20 })
    isFixed = words.contains { $0.elementsEqual("nokaslr".utf8) }
    for word in words {
      if word.elementsEqual("--".utf8) { break }
      guard let equals = word.firstIndex(of: 0x3d) else { continue }
      let value = Array(word[word.index(after: equals)...])
      func isNamed(_ name: String) -> Bool { word[..<equals].elementsEqual(name.utf8) }
      if isNamed("mem"), !note(memory: value) { break }
      if isNamed("memmap") { note(regions: value) }
      if isNamed("hugepagesz") { isGigabyte = Self.number(value).value == 1 << 30 }
      if isNamed("hugepages"), isGigabyte { hugePages = Self.number(value).value }
    }
  }

  /// - Returns: false for a size of 0, which ends the reading of options.
  private mutating func note(memory value: [UInt8]) -> Bool {
    if value.elementsEqual("nopentium".utf8) { return true }
    let size = Self.number(value).value
    if size > 0 { memoryLimit = min(memoryLimit, size) }
    return size > 0
  }

  /// `mem_avoid_memmap`: regions with commas between them.
  private mutating func note(regions text: [UInt8]) {
    guard avoided.count < Self.mostRegions else { return }
    for part in text.split(separator: 0x2c, omittingEmptySubsequences: false) {
      guard avoided.count < Self.mostRegions else {
        hasTooMany = true
        return
      }
      let value = Array(part)
      let (size, used) = Self.number(value)
      guard used > 0 else { return }
      let mark = used < value.count ? value[used] : 0
      // '#', '$' and '!' stand before a start; '@' names memory that may be used.
      let start = [0x23, 0x24, 0x21].contains(mark) ? Self.number(Array(value[(used + 1)...])).value : 0
      if start > 0 {
        avoided.append((start, size))
      } else if mark != 0x40, size > 0 {
        memoryLimit = min(memoryLimit, size)
      }
    }
  }

  /// `memparse`: C's prefixes for base 16 and 8, then K, M, G, T, P or E; modulo 2^64. How many bytes it took is 0 where there
  /// is no digit.
  static func number(_ text: [UInt8]) -> (value: UInt64, used: Int) {
    var place = 0
    var base: UInt64 = 10
    if text.first == 0x30 {
      base = 8
      if text.count > 2, text[1] | 0x20 == 0x78, digit(text[2]) != nil { (base, place) = (16, 2) }
    }
    var value: UInt64 = 0
    let start = place
    while place < text.count, let next = digit(text[place]), next < base {
      value = value &* base &+ next
      place += 1
    }
    guard place > start else { return (0, 0) }
    let units = Array("KMGTPE".utf8)
    if place < text.count, let unit = units.firstIndex(of: text[place] & ~0x20) {
      return (value &<< UInt64(10 * (unit + 1)), place + 1)
    }
    return (value, place)
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: UInt64(byte - 0x30)
    case 0x61...0x66: UInt64(byte - 0x61 + 10)
    case 0x41...0x46: UInt64(byte - 0x41 + 10)
    default: nil
    }
  }
}
