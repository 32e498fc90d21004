/// When to colour.
public enum ColorChoice: String, CaseIterable, Sendable {
  case auto, always, never
}

/// What a stretch of text is, for its colour. Nothing is said by colour alone.
public enum Role: Sendable {
  case heading, dim, emphasis, good, warning, error, note
  /// Colours of access: read-only, writable, executable, writable and executable.
  case readable, writable, executable, writableExecutable
}

/// How text is painted on one stream.
public struct Style: Sendable {
  public let isColored: Bool
  /// How wide a line may be, in columns.
  public let columns: Int

  /// - Parameter columns: taken as 80 below that, and as 160 above: wider lines are hard to follow.
  public init(isColored: Bool, columns: Int = 120) {
    self.isColored = isColored
    self.columns = min(max(columns, 80), 160)
  }

  /// Prose is broken here.
  var proseColumns: Int { min(columns, 112) }

  /// No escape sequence at all.
  public static var plain: Style { Style(isColored: false) }

  /// Decides for one stream. An explicit choice wins; else the environment (https://no-color.org: any non-empty
  /// `NO_COLOR`; then `TERM=dumb`); else whether the stream is a terminal.
  public init(_ choice: ColorChoice, isTerminal: Bool, columns: Int = 120, environment: (String) -> String?) {
    let isColored: Bool
    switch choice {
    case .always: isColored = true
    case .never: isColored = false
    case .auto:
      let refused = environment("NO_COLOR").map { !$0.isEmpty } ?? false
      isColored = isTerminal && !refused && environment("TERM") != "dumb"
    }
    self.init(isColored: isColored, columns: columns)
  }

  public func paint(_ text: String, _ role: Role?) -> String {
    guard isColored, let role, !text.isEmpty else { return text }
    return "\u{1b}[\(Self.parameters(role))m\(text)\u{1b}[0m"
  }

  /// Select Graphic Rendition parameters (ECMA-48, 8.3.117).
  private static func parameters(_ role: Role) -> String {
    switch role {
    case .heading, .emphasis: "1"
    case .dim: "2"
    case .good, .readable: "32"
    case .warning, .executable: "33"
    case .note, .writable: "34"
    case .error, .writableExecutable: "1;31"
    }
  }
}
