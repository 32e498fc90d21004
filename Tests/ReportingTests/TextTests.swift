import Reporting
import Testing

@Suite struct TableTests {
  @Test func columnsAreAsWideAsWhatTheyHold() {
    var table = Table([.init("name"), .init("size", .right), .init("owner")])
    table.rows = [
      [.init("a"), .init("4 KiB"), .init("x")],
      [.init("longer"), .init("128 MiB"), .init("")],
    ]
    #expect(
      table.lines(style: .plain) == [
        "  name       size  owner",
        "  a         4 KiB  x",
        "  longer  128 MiB",
      ])
  }

  @Test func escapeSequencesTakeNoWidth() {
    var table = Table([.init("a"), .init("b")])
    table.rows = [[.init("wide", role: .error), .init("1")], [.init("n"), .init("2")]]
    let lines = table.lines(style: Style(isColored: true))
    #expect(lines[1] == "  \u{1b}[1;31mwide\u{1b}[0m  1")
    #expect(lines[2] == "  n     2")
    #expect(Width.columns(lines[1]) == Width.columns(lines[2]))
  }

  @Test func noLineEndsInASpace() {
    var table = Table([.init("left"), .init("right", .right), .init("last")])
    table.rows = [[.init(""), .init(""), .init("")], [.init("x"), .init(""), .init("")]]
    for line in table.lines(style: .plain) { #expect(!line.hasSuffix(" ")) }
  }
}

@Suite struct WidthTests {
  @Test func countsColumnsNotBytes() {
    #expect(Width.columns("abc") == 3)
    #expect(Width.columns("é×–") == 3)
    #expect(Width.columns("e\u{301}") == 1)
    #expect(Width.columns("漢字") == 4)
    #expect(Width.columns("\u{1b}[31mred\u{1b}[0m") == 3)
    #expect(Width.columns("\u{1b}") == 0)
    #expect(Width.columns("\u{1b}[31") == 0)
  }

  /// Strings of an image reach the terminal; its escape sequences must not.
  @Test func controlsAreMadeVisible() {
    #expect(Width.printable("a\u{1b}[2Jb\n\u{7f}") == "a\\x1b[2Jb\\x0a\\x7f")
    #expect(Width.printable("\u{202e}evil") == "\\x202eevil")
    #expect(Width.printable("naïve") == "naïve")
  }
}

@Suite struct StyleTests {
  @Test func explicitChoiceBeatsTheEnvironment() {
    let environment = ["NO_COLOR": "1"]
    #expect(Style(.always, isTerminal: false, environment: { environment[$0] }).isColored)
    #expect(!Style(.never, isTerminal: true, environment: { _ in nil }).isColored)
  }

  @Test func automaticMeansATerminalThatDoesNotRefuse() {
    #expect(Style(.auto, isTerminal: true, environment: { _ in nil }).isColored)
    #expect(!Style(.auto, isTerminal: false, environment: { _ in nil }).isColored)
    #expect(!Style(.auto, isTerminal: true, environment: { ["NO_COLOR": "1"][$0] }).isColored)
    // https://no-color.org: "when present and not an empty string".
    #expect(Style(.auto, isTerminal: true, environment: { ["NO_COLOR": ""][$0] }).isColored)
    #expect(!Style(.auto, isTerminal: true, environment: { ["TERM": "dumb"][$0] }).isColored)
  }

  @Test func plainTextHasNoEscape() {
    #expect(Style.plain.paint("text", .error) == "text")
    #expect(Style(isColored: true).paint("text", nil) == "text")
    #expect(Style(isColored: true).paint("", .error) == "")
  }
}
