import ArgumentParser
import Reporting

/// The root of the command line. One file per verb.
@main
struct PerchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perch",
    abstract: "Says where every byte of a kernel goes, boots it, and holds the machine against the plan.",
    usage: "perch FILE\nperch <verb> FILE [options]",
    discussion: """
      Without a verb, perch says in a few lines what a file is and what can boot it.
      Results go to standard output; diagnostics and progress go to standard error.

      EXIT STATUS
        0 fine                  4 cannot plan             7 the guest timed out
        1 findings              5 the host lacks a part   8 a defect in perch
        2 usage                 6 the guest panicked      9 verification failed
        3 input unreadable or unrecognised
      """,
    version: ToolVersion.text,
    subcommands: verbs,
    defaultSubcommand: Summary.self)

  private static let verbs: [any ParsableCommand.Type] = [
    Inspect.self, Plan.self, Map.self, Check.self, Diff.self, Boot.self, Walk.self, Pack.self, Extract.self,
    Summary.self,
  ]

  static func main() async {
    var channels = Channels(color: .auto)
    do {
      var command = try parseAsRoot()
      if let reporting = command as? any ReportingCommand { channels = Channels(color: reporting.color) }
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      ExitStatus.exit(because: error, channels: channels)
    }
  }
}

/// A verb that prints results, and so takes the options that say how.
protocol ReportingCommand: ParsableCommand {
  associatedtype Output: ColorOptions
  var output: Output { get }
}

extension ReportingCommand {
  fileprivate var color: ColorChoice { output.color }
}
