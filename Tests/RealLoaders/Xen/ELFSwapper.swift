/// An ELF file with every field in the other byte order: its headers, its tables, and the numbers of Xen's notes.
struct ELFSwapper {
  private let bytes: [UInt8]
  private let is64: Bool
  /// By their first bytes, so that what two tables name is swapped once.
  private var fields: [Int: Int] = [:]

  /// Swaps a little-endian file whose tables lie in it.
  static func swapped(_ bytes: [UInt8]) -> [UInt8] {
    var swapper = ELFSwapper(bytes)
    swapper.addHeader()
    var result = bytes
    for (start, count) in swapper.fields where start + count <= bytes.count {
      result.replaceSubrange(start..<start + count, with: bytes[start..<start + count].reversed())
    }
    result[5] = 2
    return result
  }

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
    is64 = bytes[4] == 2
  }

  private func number(_ start: Int, _ count: Int) -> Int {
    guard start >= 0, start + count <= bytes.count else { return 0 }
    return Int(truncatingIfNeeded: bytes[start..<start + count].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  /// Marks fields of some sizes, one behind the other.
  private mutating func add(_ sizes: [Int], at start: Int) {
    var place = start
    for size in sizes {
      fields[place] = size
      place += size
    }
  }

  private mutating func addHeader() {
    let word = is64 ? 8 : 4
    add([2, 2, 4, word, word, word, 4] + Array(repeating: 2, count: 6), at: 16)
    let sizes = 24 + 3 * word + 4
    for index in 0..<number(sizes + 4, 2) {
      addSegment(at: number(24 + word, word) + index * number(sizes + 2, 2))
    }
    for index in 0..<number(sizes + 8, 2) {
      addSection(at: number(24 + 2 * word, word) + index * number(sizes + 6, 2))
    }
  }

  private mutating func addSegment(at start: Int) {
    if number(start, 4) == 4 {
      addNotes(
        from: is64 ? number(start + 8, 8) : number(start + 4, 4),
        count: is64 ? number(start + 32, 8) : number(start + 16, 4))
    }
    add(is64 ? [4, 4] + Array(repeating: 8, count: 6) : Array(repeating: 4, count: 8), at: start)
  }

  private mutating func addSection(at start: Int) {
    let word = is64 ? 8 : 4
    if number(start + 4, 4) == 7 {
      addNotes(from: number(start + 8 + 2 * word, word), count: number(start + 8 + 3 * word, word))
    }
    add([4, 4, word, word, word, word, 4, 4, word, word], at: start)
  }

  private mutating func addNotes(from start: Int, count: Int) {
    var place = start
    while place >= 0, place + 12 <= min(start + count, bytes.count) {
      let name = (number(place, 4) + 3) & ~3
      let size = number(place + 4, 4)
      // Texts are not swapped.
      let isNumber = [1, 2, 3, 4, 12, 14, 15, 16, 17, 18].contains(number(place + 8, 4)) && [2, 4, 8].contains(size)
      add([4, 4, 4], at: place)
      if isNumber { add([size], at: place + 12 + name) }
      place += 12 + name + (size + 3) & ~3
    }
  }
}
