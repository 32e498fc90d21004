import Addresses
import ArgumentParser
import Codecs
import Loaders
import Placement
import Reporting

/// `perch check FILE`
struct Check: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "What each loader of the field will say to a kernel.",
    discussion: """
      One entry for each loader: boots, boots but, refuses, must not be fed.
      perch plan --loader NAME has the details.

      A remark is a warning, a refusal an error, where the image asks for that
      loader (by a header, a note, its processor) or where you name it; else neither
      is a finding. What a loader must not be fed with is always an error.

      The exit status is 1 with a finding at or above --fail-on.
      """)

  enum Threshold: String, CaseIterable, ExpressibleByArgument {
    case error, warning, never

    var severity: Diagnostic.Severity? {
      switch self {
      case .error: .error
      case .warning: .warning
      case .never: nil
      }
    }
  }

  @Argument(help: "The kernel.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("The loaders to ask: all, or names with commas between them.", valueName: "names"))
  var loader = LoaderList.all

  @Option(help: "The least finding that makes the exit status 1.")
  var failOn: Threshold = .error

  @Option(help: ArgumentHelp("Most bytes to unpack.", valueName: "size"))
  var maxSize = SizeArgument(.gibibytes(1))

  @OptionGroup(title: "Machine options")
  var machine: MachineOptions

  @OptionGroup(title: "Output options")
  var output: OutputOptions

  func run() throws {
    let channels = Channels(color: output.color)
    let image = try LoaderImage(
      path: file, limits: DecompressionLimits(cap: maxSize.count), for: loader.loaders, channels: channels)
    var verdicts: [LoaderVerdict] = []
    for name in loader.loaders {
      let request = try machine.request(for: name, image: file)
      verdicts.append(image.verdict(of: name, request, isNamed: !loader.isAll))
    }
    let report = CheckReport(verdicts, layers: image.layers)
    try output.print(report.document, about: image.input)
    if let level = failOn.severity, report.hasFinding(atLeast: level) { throw ExitStatus.findings.code }
  }
}
