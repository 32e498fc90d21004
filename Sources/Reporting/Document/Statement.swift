/// What somebody says, and why, for reading from top to bottom.
public struct Statement: Sendable {
  /// Who says it.
  public var subject: String
  /// The gist, in a word or two: it is painted.
  public var gist: String
  public var role: Role?
  /// The rest of the sentence: ", but ...", ": ...".
  public var detail: String
  /// The reason, beside the sentence where there is room.
  public var because: String

  public init(_ subject: String, gist: String, role: Role?, detail: String, because: String) {
    self.subject = subject
    self.gist = gist
    self.role = role
    self.detail = detail
    self.because = because
  }
}

extension [Statement] {
  /// One line for each, where it fits; what does not is continued below the sentence.
  func lines(style: Style) -> [String] {
    let width = map { Width.columns($0.subject) }.max() ?? 0
    return flatMap { $0.lines(style: style, width: width) }
  }
}

extension Statement {
  func lines(style: Style, width: Int) -> [String] {
    let margin = String(repeating: " ", count: width + 4)
    let limit = style.columns - width - 4
    let sentence = Width.wrap(Width.printable(gist + detail), limit: limit)
    let reason = Width.printable(because)
    let padding = String(repeating: " ", count: width - Width.columns(subject) + 2)
    var lines = sentence.enumerated().map { index, line in
      (index == 0 ? "  " + Width.printable(subject) + padding : margin) + painted(line, index, style)
    }
    guard !reason.isEmpty else { return lines }
    if lines.count == 1, Width.columns(sentence[0]) + 2 + Width.columns(reason) <= limit {
      lines[0] += "  " + style.paint(reason, .dim)
      return lines
    }
    return lines + Width.wrap(reason, limit: limit - 2).map { margin + "  " + style.paint($0, .dim) }
  }

  private func painted(_ line: String, _ index: Int, _ style: Style) -> String {
    guard index == 0, line.hasPrefix(gist) else { return line }
    return style.paint(gist, role) + line.dropFirst(gist.count)
  }

  var json: JSONValue {
    .members([
      "subject": .string(subject), "sentence": .string(gist + detail), "because": .string(because),
    ])
  }
}
