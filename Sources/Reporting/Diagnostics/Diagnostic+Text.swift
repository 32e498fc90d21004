extension Diagnostic {
  /// The diagnostic as rustc lays it out, each line ended by a newline.
  public func text(style: Style) -> String {
    let head = style.paint("\(severity.rawValue)[\(codeName)]", role)
    var lines = [head + style.paint(": \(Width.printable(sentence))", .emphasis)]
    if let location { lines.append("  " + style.paint("-->", .note) + " \(Width.printable(location.text))") }
    for line in evidence { lines.append("   " + style.paint("|", .note) + "  \(Width.printable(line))") }
    lines += notes.flatMap { remark("note", $0, style: style) }
    lines += helps.flatMap { remark("help", $0, style: style) }
    return lines.map { $0 + "\n" }.joined()
  }

  private func remark(_ label: String, _ text: String, style: Style) -> [String] {
    let lines = Width.wrap(Width.printable(text), limit: style.proseColumns - 11)
    return lines.enumerated().map { index, line in
      index == 0
        ? "   \(style.paint("=", .note)) \(style.paint("\(label):", .emphasis)) \(line)"
        : "           \(line)"
    }
  }

  private var role: Role {
    switch severity {
    case .error: .error
    case .warning: .warning
    case .note: .note
    }
  }

  /// The diagnostic for programs.
  public var json: JSONValue {
    .members([
      "severity": .string(severity.rawValue), "code": .string(codeName), "message": .string(sentence),
      "location": location?.json ?? .null, "evidence": .array(evidence.map { .string($0) }),
      "notes": .array(notes.map { .string($0) }), "helps": .array(helps.map { .string($0) }),
    ])
  }
}

extension Diagnostic.Location {
  /// "vmlinux: program header 3, file offset 0xb0".
  var text: String {
    var parts: [String] = []
    if let place { parts.append(place) }
    if let offset { parts.append("file offset \(Hex.string(offset))") }
    return parts.isEmpty ? path : "\(path): \(parts.joined(separator: ", "))"
  }

  var json: JSONValue {
    .members([
      "path": .string(path), "place": place.map { .string($0) } ?? .null,
      "offset": offset.map { .address($0) } ?? .null,
    ])
  }
}
