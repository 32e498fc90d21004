import Addresses
public import KernelImage

extension InspectReport {
  /// The notes with what they mean to whoever defined them.
  ///
  /// - Throws: ``ParseError`` for a note that reaches beyond its segment or section.
  public static func notes(of elf: ELFFile, in bytes: RawSpan) throws(ParseError) -> Section {
    let columns: [Grid.Column] = [
      .init("container", "in"),
      .init("offset", "offset"),
      .init("owner", "owner"),
      .init("type", "type"),
      .init("name", "name"),
      .init("size", "size"),
      .init("value", "value"),
    ]
    var rows: [[Value]] = []
    for note in try elf.notes(in: bytes) {
      let meaning = note.meaning(in: bytes)
      let text = meaning.map(\.text) ?? ""
      rows.append([
        .text(note.container.text), .address(note.headerOffset), .text(note.owner), .count(UInt64(note.type)),
        .optional(meaning.map { .text($0.name) }), .size(note.descriptor.count), text.isEmpty ? .none : .text(text),
      ])
    }
    return Section("notes", title: "Notes", .grid(Grid(columns, rows: rows)))
  }

  /// `__xen_guest`, one setting a row; nil when the file has no such section.
  public static func xenGuest(of elf: ELFFile, in bytes: RawSpan) -> Section? {
    guard let text = elf.xenGuestText(in: bytes) else { return nil }
    let rows = text.split(separator: ",").map { setting -> [Value] in
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return [.text(String(parts[0])), parts.count > 1 ? .text(String(parts[1])) : .none]
    }
    let columns: [Grid.Column] = [.init("name", "name"), .init("value", "value")]
    return Section("xenGuest", title: "__xen_guest", .grid(Grid(columns, rows: rows)))
  }
}

extension Note.Container {
  fileprivate var text: String {
    switch self {
    case .segment(let index): "segment \(index)"
    case .section(let index): "section \(index)"
    }
  }
}
