import AddressSpace
public import Addresses
public import PageTables

/// How an address is translated, level by level, in the words of `perch walk`.
public struct WalkLines {
  public let lines: [Line]

  public init(_ translation: Translation, under format: X86_64Format) {
    var lines = [Self.outcome(translation, format)]
    if translation.steps.count > 0 {
      lines.append("  level  bits   index  entry at            entry               flags              leads to")
    }
    for step in translation.steps { lines.append(Self.line(step, translation.address, format)) }
    self.lines = lines
  }

  private static func line(_ step: TranslationStep, _ address: VirtualAddress, _ format: X86_64Format) -> Line {
    let geometry = format.geometry
    let bits = "\(geometry.tableShift(of: step.level) - 1):\(geometry.shift(of: step.level))"
    return "  " + Text.padded(Line(text: format.mode.name(of: step.level)), 7) + Text.padded(bits, 7)
      + Text.padded("\(geometry.index(of: address, at: step.level))", 5, before: true) + "  "
      + Text.padded(Text.hexadecimal(step.entryAddress.value), 20) + Text.padded(Text.hexadecimal(step.entry), 20)
      + Text.padded(flags(of: step, format), 19) + meaning(of: step, format)
  }

  /// Intel SDM vol. 3A, tables 4-15 to 4-20.
  private static func flags(of step: TranslationStep, _ format: X86_64Format) -> Line {
    let entry = X86Entry(rawValue: step.entry)
    guard entry.isPresent else { return "-" }
    var text: Line = "P"
    if entry.isWritable { text += " R/W" }
    if entry.isUser { text += " U/S" }
    if entry.isWriteThrough { text += " PWT" }
    if entry.isCacheDisabled { text += " PCD" }
    if entry.isAccessed { text += " A" }
    if case .page = format.decode(step.entry, at: step.level) {
      if entry.isDirty { text += " D" }
      if step.level > .pageTable { text += " PS" }
      if entry.isGlobal { text += " G" }
    }
    return entry.isNoExecute ? text + " NX" : text
  }

  private static func meaning(of step: TranslationStep, _ format: X86_64Format) -> Line {
    switch format.decode(step.entry, at: step.level) {
    case .absent: "nothing"
    case .table(let table): "table " + Text.hexadecimal(table.value)
    case .page(let page, let size): "page \(Text.hexadecimal(page.value)), \(Text.size(size.byteCount.value))"
    case .reserved(let bits): "nothing: reserved bits \(Text.hexadecimal(bits))"
    }
  }

  private static func outcome(_ translation: Translation, _ format: X86_64Format) -> Line {
    let address = Text.hexadecimal(translation.address.value)
    switch translation.outcome {
    case .mapped(let byte):
      return "\(address) is physical \(Text.hexadecimal(byte.physical.value)), in a page of "
        + "\(Text.size(byte.pageSize.byteCount.value)): \(text: byte.rights.description)."
    case .fault(let fault): return "\(address) is not translated: \(sentence(fault, format))."
    }
  }

  private static func sentence(_ fault: WalkFault, _ format: X86_64Format) -> Line {
    let place = Text.hexadecimal(fault.entryAddress.value)
    let entry = "the \(text: format.mode.name(of: fault.level)) entry \(Text.hexadecimal(fault.value)) at \(place)"
    let width = format.mode.virtualBits
    switch fault.reason {
    case .notCovered:
      return "the address is not one that the mode translates: bits 63:\(width) must be equal to bit \(width - 1)"
    case .notPresent: return "\(entry) is not present (P is 0)"
    case .reservedBits(let bits): return "\(entry) sets \(Text.hexadecimal(bits)), reserved here"
    case .outsideMemory: return "the \(text: format.mode.name(of: fault.level)) entry at \(place) lies outside memory"
    case .recursion, .tableLimit: return "\(entry) leads back to itself"
    }
  }
}
