/// What came out for one judge.
public struct AgreementRow: Sendable {
  /// An image that a model and its loader disagree about, made small.
  public struct Example: Sendable {
    /// Its name or seed.
    public var label: String
    public var shrinks: Int
    public var text: String
    public var problem: String
  }

  public var judge: String
  public var agreed = 0
  public var notFed = 0
  public var disagreed = 0
  /// Why nothing was run.
  public var skipped: String?
  /// Of the first disagreements.
  public var examples: [Example] = []

  public init(judge: String) { self.judge = judge }

  public var images: Int { agreed + notFed + disagreed }

  mutating func count(_ verdict: Verdict) {
    switch verdict {
    case .agrees: agreed += 1
    case .notFed: notFed += 1
    case .disagrees: disagreed += 1
    }
  }
}

/// One row for each judge, and the disagreements below.
public struct AgreementTable: Sendable, CustomStringConvertible {
  public var rows: [AgreementRow]
  /// Whether a judge that could not run is a failure.
  public var mustRun: Bool

  public init(rows: [AgreementRow], mustRun: Bool) {
    self.rows = rows
    self.mustRun = mustRun
  }

  public var isGood: Bool { rows.allSatisfy { $0.disagreed == 0 && !(mustRun && $0.skipped != nil) } }

  public var description: String {
    let head = ["loader", "images", "agreed", "not fed", "disagreed"]
    let cells = rows.map { row in
      row.skipped.map { [row.judge, "skipped: \($0)"] }
        ?? [row.judge, "\(row.images)", "\(row.agreed)", "\(row.notFed)", "\(row.disagreed)"]
    }
    let widths = head.indices.map { column in
      ([head] + cells.filter { $0.count == head.count }).map { $0[column].count }.max() ?? 0
    }
    let first = (cells.map { $0[0].count } + [widths[0]]).max() ?? 0
    let lines = ([head] + cells).map { cells in
      let numbers =
        cells.count == head.count ? zip(cells, widths).dropFirst().map(Self.right) : Array(cells.dropFirst())
      return ([Self.left(cells[0], first)] + numbers).joined(separator: "  ")
    }
    return (lines + rows.flatMap(Self.examples)).joined(separator: "\n")
  }

  private static func examples(_ row: AgreementRow) -> [String] {
    var lines = row.examples.map {
      "\n\(row.judge), \($0.label), shrunk \($0.shrinks) times:\n\($0.text)\n→ \($0.problem)"
    }
    let rest = row.disagreed - row.examples.count
    if rest > 0 { lines.append("\n\(row.judge): \(rest) more disagreements") }
    return lines
  }

  private static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
