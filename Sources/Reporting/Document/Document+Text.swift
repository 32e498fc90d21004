extension Document {
  /// The document as lines, each ended by a newline: the summary, then every section after a blank line.
  public func text(style: Style) -> String {
    var lines: [String] = []
    for (index, sentence) in summary.enumerated() {
      for line in Width.wrap(Width.printable(sentence), limit: style.proseColumns) {
        lines.append(style.paint(line, index == 0 ? .emphasis : nil))
      }
    }
    for section in sections where section.audience != .programs {
      lines += section.lines(style: style)
    }
    if lines.first == "" { lines.removeFirst() }
    return lines.map { $0 + "\n" }.joined()
  }
}

extension Section {
  func lines(style: Style) -> [String] {
    var lines: [String] = []
    let own = body.lines(style: style)
    if !own.isEmpty || !notes.isEmpty {
      lines = ["", style.paint(title, .heading)] + own
    }
    for note in notes {
      for (index, line) in Width.wrap(Width.printable(note), limit: style.proseColumns - 4).enumerated() {
        lines.append("  " + style.paint((index == 0 ? "* " : "  ") + line, .dim))
      }
    }
    if case .parts(let parts) = body {
      for part in parts where part.audience != .programs { lines += part.lines(style: style) }
    }
    return lines
  }
}

extension Section.Body {
  func lines(style: Style) -> [String] {
    switch self {
    case .facts(let facts): facts.lines(style: style)
    case .grid(let grid): grid.lines(style: style)
    case .choices(let choices): choices.lines(style: style)
    case .statements(let statements): statements.lines(style: style)
    case .parts: []
    }
  }
}

extension [Fact] {
  /// Labels to the left, values in a column of their own, broken there when they are prose.
  func lines(style: Style) -> [String] {
    let shown = filter { $0.audience != .programs && !$0.value.isNone }
    let width = shown.map { Width.columns($0.label) }.max() ?? 0
    var table = Table([.init(""), .init("")], hasHeader: false)
    for fact in shown {
      let values = Width.wrap(fact.value.text, limit: style.proseColumns - width - 4)
      for (index, line) in (values.isEmpty ? [""] : values).enumerated() {
        table.rows.append([.init(index == 0 ? fact.label : "", role: .dim), .init(line, role: fact.value.role)])
      }
    }
    return table.lines(style: style)
  }
}

extension Grid {
  /// A column narrower than this is not worth breaking.
  private static var narrowest: Int { 24 }

  func lines(style: Style) -> [String] {
    guard !rows.isEmpty else { return ["  " + style.paint("none", .dim)] }
    var shown = columns.indices.filter { columns[$0].audience != .programs }
    // A column that says nothing in any row is left out.
    shown.removeAll { index in rows.allSatisfy { $0[index].isNone } }
    let alignments = columns.indices.map { RangeAlignment(rows, column: $0) }
    var table = Table(
      shown.map { index in
        let first = rows.first { !$0[index].isNone }
        return .init(columns[index].title, first?[index].side ?? .left)
      })
    table.rows = rows.map { row in
      shown.map { .init(alignments[$0].text(row[$0]), role: row[$0].role) }
    }
    table.breakLastColumn(width: style.columns, narrowest: Self.narrowest)
    return table.lines(style: style)
  }
}

/// Lines ranges up at their dash: starts to the right, ends to the left.
private struct RangeAlignment {
  private var startWidth = 0

  init(_ rows: [[Value]], column: Int) {
    for row in rows {
      if case .range(let start, _) = row[column] { startWidth = max(startWidth, Hex.string(start).count) }
    }
  }

  func text(_ value: Value) -> String {
    guard case .range(let start, _) = value else { return value.text }
    return String(repeating: " ", count: startWidth - Hex.string(start).count) + value.text
  }
}

extension [Choice] {
  /// All choices, beside a column that is as wide as the widest subject.
  func lines(style: Style) -> [String] {
    let width = map { Width.columns($0.subject) }.max() ?? 0
    return flatMap { $0.lines(style: style, width: width) }
  }
}

extension Choice {
  /// The choice beside its subject, and below it the reason and each candidate that lost.
  func lines(style: Style, width: Int) -> [String] {
    let margin = String(repeating: " ", count: width + 4)
    let limit = style.proseColumns - width - 4
    let padding = String(repeating: " ", count: width - Width.columns(subject) + 2)
    let subject = style.paint(Width.printable(subject), .dim)
    var lines = Width.wrap(Width.printable(choice), limit: limit).enumerated().map { index, line in
      (index == 0 ? "  " + subject + padding : margin) + style.paint(line, .emphasis)
    }
    for line in Width.wrap(Width.printable(because), limit: limit) { lines.append(margin + line) }
    for loser in rejected {
      let text = "not \(Width.printable(loser.candidate)): \(Width.printable(loser.reason))"
      for (index, line) in Width.wrap(text, limit: limit - 2).enumerated() {
        lines.append(margin + style.paint((index == 0 ? "" : "  ") + line, .dim))
      }
    }
    return lines
  }
}
