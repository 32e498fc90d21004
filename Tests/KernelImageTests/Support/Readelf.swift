import Foundation

/// What `readelf` says about a file, taken apart.
struct Readelf {
  let path: String

  /// `readelf -hW`: the values by their labels.
  func header() throws -> [String: String] {
    var fields: [String: String] = [:]
    for line in try Tool.lines(["readelf", "-hW", path]) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let key = line[..<colon].trimmingCharacters(in: .whitespaces)
      let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      fields[key] = fields[key].map { $0 + " / " + value } ?? value
    }
    return fields
  }

  struct Segment: Equatable {
    var type: String
    var offset, virtual, physical, fileSize, memorySize: UInt64
    var flags: String
    var alignment: UInt64
  }

  /// `readelf -lW`.
  func segments() throws -> [Segment] {
    let lines = try Tool.lines(["readelf", "-lW", path])
    guard let start = lines.firstIndex(of: "Program Headers:") else { return [] }
    var segments: [Segment] = []
    for line in lines[(start + 2)...] {
      if line.isEmpty { break }
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 7, words[1].hasPrefix("0x") else { continue }
      segments.append(
        Segment(
          type: words[0], offset: hex(words[1]), virtual: hex(words[2]), physical: hex(words[3]),
          fileSize: hex(words[4]), memorySize: hex(words[5]), flags: words[6..<(words.count - 1)].joined(),
          alignment: hex(words[words.count - 1])))
    }
    return segments
  }

  struct Section: Equatable {
    var name, type: String
    var address, offset, size, entrySize: UInt64
    var flags: String
    var link, info, alignment: UInt64
  }

  /// `readelf -SW`.
  func sections() throws -> [Section] {
    var sections: [Section] = []
    for line in try Tool.lines(["readelf", "-SW", path]) {
      guard line.hasPrefix("  ["), let close = line.firstIndex(of: "]"), !line.contains("[Nr]") else { continue }
      var words = line[line.index(after: close)...].split(separator: " ").map(String.init)
      if sections.isEmpty { words.insert("", at: 0) }
      let tail = words.suffix(3).map { UInt64($0) ?? .max }
      words.removeLast(3)
      // Flags are upper-case letters, the entry size is lower-case hexadecimal.
      let flags = words.count == 7 ? words.removeLast() : ""
      sections.append(
        Section(
          name: words[0], type: words[1], address: hex(words[2]), offset: hex(words[3]), size: hex(words[4]),
          entrySize: hex(words[5]), flags: flags, link: tail[0], info: tail[1], alignment: tail[2]))
    }
    return sections
  }

  struct Note: Equatable {
    var owner: String
    var size: UInt64
    /// Where readelf prints a number.
    var type: UInt64?
    /// Where readelf prints the bytes.
    var bytes: [UInt8]?
    var buildID: String?
    /// The section it is in, where readelf says.
    var section: String?
  }

  /// `readelf -nW`.
  func notes() throws -> [Note] {
    var notes: [Note] = []
    var section: String?
    for line in try Tool.lines(["readelf", "-nW", path]) {
      if let range = line.range(of: "Displaying notes found in: ") { section = String(line[range.upperBound...]) }
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      guard line.hasPrefix("  "), words.count >= 2, words[1].hasPrefix("0x"), words[1].count == 10 else { continue }
      var note = Note(owner: words[0], size: hex(words[1]), section: section)
      if let range = line.range(of: "Unknown note type: (") {
        note.type = hex(String(line[range.upperBound...].prefix(10)))
      }
      if let range = line.range(of: "description data: ") {
        note.bytes = line[range.upperBound...].split(separator: " ").compactMap { UInt8($0, radix: 16) }
      }
      if let range = line.range(of: "Build ID: ") { note.buildID = String(line[range.upperBound...]) }
      notes.append(note)
    }
    return notes
  }

  struct Dynamic: Equatable {
    var tag: UInt64
    var name: String
  }

  /// `readelf -dW`: tags in order.
  func dynamic() throws -> [Dynamic] {
    try Tool.lines(["readelf", "-dW", path]).compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 3, words[0].hasPrefix("0x"), words[1].hasPrefix("(") else { return nil }
      return Dynamic(tag: hex(words[0]), name: String(words[1].dropFirst().dropLast()))
    }
  }

  /// `readelf -rW`: how often each type name occurs.
  func relocations() throws -> [String: UInt64] {
    var counts: [String: UInt64] = [:]
    for line in try Tool.lines(["readelf", "-rW", path]) {
      let words = line.split(separator: " ")
      guard words.count >= 3, words[2].hasPrefix("R_") else { continue }
      counts[String(words[2]), default: 0] += 1
    }
    return counts
  }

  struct Symbols: Equatable {
    var total: UInt64 = 0
    var definedFunctions: UInt64 = 0
    var definedObjects: UInt64 = 0
    var undefined: UInt64 = 0
    var definedGlobals: UInt64 = 0
    var definedWeaks: UInt64 = 0
  }

  /// `readelf -sW`: counts by the name of the table.
  func symbols() throws -> [String: Symbols] {
    var tables: [String: Symbols] = [:]
    var table = ""
    for line in try Tool.lines(["readelf", "-sW", path]) {
      if line.hasPrefix("Symbol table '") {
        table = String(line.dropFirst(14).prefix { $0 != "'" })
        tables[table] = Symbols()
      }
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 7, words[0].hasSuffix(":"), UInt64(words[0].dropLast()) != nil else { continue }
      let isDefined = words[6] != "UND"
      tables[table]?.total += 1
      if words[3] == "FUNC", isDefined { tables[table]?.definedFunctions += 1 }
      if words[3] == "OBJECT", isDefined { tables[table]?.definedObjects += 1 }
      if !isDefined, words[0] != "0:" { tables[table]?.undefined += 1 }
      if words[4] == "GLOBAL", isDefined { tables[table]?.definedGlobals += 1 }
      if words[4] == "WEAK", isDefined { tables[table]?.definedWeaks += 1 }
    }
    return tables
  }

  private func hex(_ text: String) -> UInt64 {
    UInt64(text.hasPrefix("0x") ? String(text.dropFirst(2)) : text, radix: 16) ?? .max
  }
}
