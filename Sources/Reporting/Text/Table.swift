/// Text in columns whose widths come from what they hold.
public struct Table: Sendable {
  public enum Side: Sendable { case left, right }

  public struct Column: Sendable {
    public var title: String
    public var side: Side
    public init(_ title: String, _ side: Side = .left) {
      self.title = title
      self.side = side
    }
  }

  public struct Cell: Sendable {
    public var text: String
    public var role: Role?
    public init(_ text: String, role: Role? = nil) {
      self.text = text
      self.role = role
    }
  }

  public var columns: [Column]
  public var rows: [[Cell]] = []
  /// Whether a line of titles stands above the rows.
  public var hasHeader: Bool

  public init(_ columns: [Column], hasHeader: Bool = true) {
    self.columns = columns
    self.hasHeader = hasHeader
  }

  /// The lines, each starting with `indent` spaces and ending in no space.
  public func lines(style: Style, indent: Int = 2) -> [String] {
    var all = rows
    if hasHeader { all.insert(columns.map { Cell($0.title, role: .dim) }, at: 0) }
    let widths = columns.indices.map { index in
      all.map { index < $0.count ? Width.columns($0[index].text) : 0 }.max() ?? 0
    }
    return all.map { line($0, widths: widths, style: style, indent: indent) }
  }

  /// Continues cells of the last column on lines of their own where a line would be wider than `width` columns.
  mutating func breakLastColumn(width: Int, narrowest: Int, indent: Int = 2) {
    guard let last = columns.indices.last, columns[last].side == .left else { return }
    let others = columns.indices.dropLast().map { index in
      max(Width.columns(columns[index].title), rows.map { Width.columns($0[index].text) }.max() ?? 0)
    }
    let room = max(narrowest, width - indent - others.reduce(0) { $0 + ($1 > 0 ? $1 + 2 : 0) })
    rows = rows.flatMap { row -> [[Cell]] in
      guard Width.columns(row[last].text) > room else { return [row] }
      return Width.wrap(row[last].text, limit: room).enumerated().map { number, line in
        (number == 0 ? Array(row.dropLast()) : others.map { _ in Cell("") }) + [Cell(line, role: row[last].role)]
      }
    }
  }

  private func line(_ cells: [Cell], widths: [Int], style: Style, indent: Int) -> String {
    var line = String(repeating: " ", count: indent)
    // Padding is owed, and paid only when something follows it: no line ends in spaces.
    var owed = 0
    for (index, cell) in cells.enumerated() where index < columns.count && widths[index] > 0 {
      let padding = widths[index] - Width.columns(cell.text)
      if columns[index].side == .right { owed += padding }
      if !cell.text.isEmpty {
        line += String(repeating: " ", count: owed) + style.paint(cell.text, cell.role)
        owed = 0
      }
      if columns[index].side == .left { owed += padding }
      owed += 2
    }
    return line.allSatisfy { $0 == " " } ? "" : line
  }
}
