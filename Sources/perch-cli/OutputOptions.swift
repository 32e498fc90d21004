public import ArgumentParser
public import Reporting

/// How a result is printed.
struct OutputOptions: ParsableArguments {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json
  }

  @Option(help: "How the result is printed.")
  var format: Format = .text

  @Option(help: "When to colour; auto asks the terminal and NO_COLOR.")
  var color: ColorChoice = .auto
}

extension ColorChoice: ExpressibleByArgument {}

extension OutputOptions {
  /// Prints a document in the format that was asked for.
  func print(_ document: Document, about input: Input) throws(Failure) {
    let channels = Channels(color: color)
    switch format {
    case .text: try channels.write(document.text(style: channels.results))
    case .json: try channels.write(document.json(input: input, tool: ToolVersion.text).text + "\n")
    }
  }
}
