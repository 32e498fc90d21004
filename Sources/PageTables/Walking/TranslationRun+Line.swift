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
      "\(virtual.digits) -> \(digits(physical.value)) \(rights.description) \(pageSize.text) x \(pages)"
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
  public func line(in mode: PagingMode) -> String {
    var line: Sentence = "\(virtual.digits) -> \(digits(physical.value)) "
    line += "r\(access.isWritable ? "w" : "-")\(access.isExecutable ? "x" : "-")"
    let stretches = pageStretches(in: mode).ordered { UInt64($0.pageSize.rawValue) }
    var next = 0
    while next < stretches.count {
      let size = stretches[next].pageSize
      var pages: UInt64 = 0
      let isFirst = next == 0
      while next < stretches.count, stretches[next].pageSize == size {
        pages += stretches[next].pageCount
        next += 1
      }
      line += "\(isFirst ? " " : " + ")\(size.text) x \(pages)"
    }
    line += " \(name)"
    return line.text
  }
}

extension PageSize {
  /// "4 KiB", "2 MiB".
  public var text: String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    return Addresses.text("\(1 << UInt64(rawValue % 10) as UInt64) \(units[Int(rawValue / 10)])")
  }
}

extension AddressRange {
  /// "0x1000-0x3000": the end is the address after the last byte, which may be 2⁶⁴.
  fileprivate var digits: Sentence {
    let end = endValue
    return end == 0 && !isEmpty
      ? "\(PageTables.digits(start.value))-0x10000000000000000"
      : "\(PageTables.digits(start.value))-\(PageTables.digits(end))"
  }
}

@inline(never) private func digits(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
