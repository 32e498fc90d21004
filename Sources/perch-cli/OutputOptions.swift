public import ArgumentParser
public import Reporting

/// Options that say when to colour.
protocol ColorOptions {
  var color: ColorChoice { get }
}

/// How a result is printed.
struct OutputOptions: ParsableArguments, ColorOptions {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json
  }

  @Option(help: "How the result is printed.")
  var format: Format = .text

  @Option(help: "When to colour; auto asks the terminal and NO_COLOR.")
  var color: ColorChoice = .auto
}

/// How a result is printed that can also be a line for each thing in it.
struct LineOutputOptions: ParsableArguments, ColorOptions {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json, lines
  }

  @Option(help: "How the result is printed; lines are those that a loader prints on a bare machine.")
  var format: Format = .text

  @Option(help: "When to colour; auto asks the terminal and NO_COLOR.")
  var color: ColorChoice = .auto
}

extension ColorChoice: ExpressibleByArgument {}

extension OutputOptions {
  /// Prints a document in the format that was asked for.
  func print(_ document: Document, about input: Input) throws(Failure) {
    switch format {
    case .text: try document.printText(color)
    case .json: try document.printJSON(about: input, color)
    }
  }
}

extension LineOutputOptions {
  /// Prints a document, or the lines, in the format that was asked for.
  func print(_ document: Document, lines: [String], about input: Input) throws(Failure) {
    switch format {
    case .text: try document.printText(color)
    case .json: try document.printJSON(about: input, color)
    case .lines: try Channels(color: color).write(lines.map { $0 + "\n" }.joined())
    }
  }
}

extension Document {
  fileprivate func printText(_ color: ColorChoice) throws(Failure) {
    let channels = Channels(color: color)
    try channels.write(text(style: channels.results))
  }

  fileprivate func printJSON(about input: Input, _ color: ColorChoice) throws(Failure) {
    try Channels(color: color).write(json(input: input, tool: ToolVersion.text).text + "\n")
  }
}
