import AddressSpace
import Addresses

/// Reads a memory map from text: the `BIOS-e820` lines of a kernel log, or lines of `START-END KIND`, both ends inclusive.
///
///     BIOS-e820: [mem 0x0000000000100000-0x000000001ffdffff] usable
///     0x100000-0x1ffdffff usable
struct MemoryMapFile {
  struct Malformed: Error, Equatable {
    var line: Int
    var text: String
    var rule: String
  }

  /// More entries than any firmware reports; a larger file is not a memory map.
  static let mostEntries = 4096

  let map: MemoryMap

  init(parsing text: String) throws(Malformed) {
    var entries: [MemoryMap.Entry] = []
    for (number, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = raw.prefix(300)
      guard let entry = try Self.entry(line, number: number + 1) else { continue }
      entries.append(entry)
      guard entries.count <= Self.mostEntries else {
        throw Malformed(
          line: number + 1, text: String(line), rule: "a memory map has at most \(Self.mostEntries) entries")
      }
    }
    map = MemoryMap(normalising: entries)
    guard !map.usable.isEmpty else {
      throw Malformed(line: 0, text: "", rule: "at least one line must say usable")
    }
  }

  private static func entry(_ line: Substring, number: Int) throws(Malformed) -> MemoryMap.Entry? {
    guard let content = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).first,
      content.contains(where: { !$0.isWhitespace })
    else { return nil }
    let fields: [Substring]
    if let open = content.range(of: "[mem "), let close = content[open.upperBound...].firstIndex(of: "]") {
      fields = [content[open.upperBound..<close], content[content.index(after: close)...].drop(while: \.isWhitespace)]
    } else {
      fields = content.split(maxSplits: 1, whereSeparator: \.isWhitespace)
    }
    let bounds = fields[0].split(separator: "-")
    guard fields.count == 2, bounds.count == 2, let low = parseInteger(bounds[0]), let high = parseInteger(bounds[1])
    else {
      throw Malformed(line: number, text: String(line), rule: "expected START-END KIND")
    }
    guard let kind = kind(fields[1].trimmed) else {
      throw Malformed(
        line: number, text: String(line),
        rule: "the kind must be usable, reserved, ACPI data, ACPI NVS, unusable or a number")
    }
    guard low <= high, high < PagingMode.x86_64FourLevel.greatestPhysicalAddress else {
      throw Malformed(line: number, text: String(line), rule: "START must be at most END, and END below 2^52")
    }
    return MemoryMap.Entry(
      range: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: low), count: ByteCount(high - low + 1)),
      kind: kind)
  }

  private static func kind(_ name: Substring) -> MemoryKind? {
    switch name {
    case "usable": .usable
    case "reserved": .reserved
    case "ACPI data": .acpiReclaimable
    case "ACPI NVS": .acpiNonVolatile
    case "unusable": .unusable
    default: UInt32(name).map { MemoryKind(rawValue: $0) }
    }
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var rest = drop(while: \.isWhitespace)
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }

  fileprivate func range(of needle: String) -> Range<Index>? { firstRange(of: needle) }
}
