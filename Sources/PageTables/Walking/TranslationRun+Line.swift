public import AddressSpace
public import Addresses

extension TranslationRun {
  /// The run on one line: "0xffffffff80200000-0xffffffff80210000 -> 0x400000 r-x 4 KiB x 16 segment 0".
  ///
  /// Pages that are there in part, as when a group of entries is not complete, count as whole.
  ///
  /// - Parameter name: whose it is; nil: nobody is named.
  public func line(name: String? = nil) -> String {
    let size = UInt64(pageSize.rawValue)
    let pages = virtual.count.value >> size + (virtual.count.value & pageSize.alignment.mask == 0 ? 0 : 1)
    var line: Sentence =
      "\(virtual.digits) -> \(hex: physical) \(rights.description) \(pageSize.text) x \(pages)"
    if let name { line += " \(name)" }
    return line.text
  }

  /// The names of the mappings that the run belongs to, in their order: neighbours that are mapped alike are one run. Nil
  /// where it belongs to none.
  ///
  /// - Parameter mappings: in ascending order of virtual address.
  public func names(in mappings: [MappingIntent]) -> String? {
    var names: String?
    for mapping in mappings where mapping.virtual.overlaps(virtual) {
      names = names.map { $0 + ", " + mapping.name } ?? mapping.name
    }
    return names
  }
}

extension MappingIntent {
  /// The mapping on one line, with its pages from the smallest size up:
  /// "0xffffffff80200000-0xffffffff80700000 -> 0x400000 r-x 4 KiB x 256 + 2 MiB x 2 segment 0".
  public func line(in format: some TableFormat) -> String {
    var line: Sentence = "\(virtual.digits) -> \(hex: physical) "
    line += "r\(access.isWritable ? "w" : "-" as StaticString)\(access.isExecutable ? "x" : "-" as StaticString)"
    let stretches = pageStretches(in: format)
    var isFirst = true
    for level in 1...TableLevel.most {
      var pages: UInt64 = 0
      var size = PageSize.size4KiB
      for stretch in stretches where stretch.level.rawValue == level {
        pages += stretch.pageCount
        size = stretch.pageSize
      }
      guard pages > 0 else { continue }
      line += "\(isFirst ? " " : " + " as StaticString)\(size.text) x \(pages)"
      isFirst = false
    }
    line += " \(name)"
    return line.text
  }
}

extension PageSize {
  /// "4 KiB", "2 MiB".
  public var text: String {
    let units: [StaticString] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    return Addresses.text("\(1 << UInt64(rawValue % 10) as UInt64) \(units[Int(rawValue / 10)])")
  }
}

extension AddressRange {
  /// "0x1000-0x3000": the end is the address after the last byte, which may be 2⁶⁴.
  fileprivate var digits: Sentence {
    let end = endValue
    return end == 0 && !isEmpty ? "\(hex: start)-0x10000000000000000" : "\(hex: start)-\(hex: end)"
  }
}
