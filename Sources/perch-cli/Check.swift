import Addresses
import ArgumentParser
import Codecs
import Loaders
import Placement
import Reporting

/// `perch check FILE...`
struct Check: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "What each loader of the field will say to a kernel, or to several.",
    discussion: """
      One line for each loader, with the rule behind it: boots, boots but, refuses,
      must not be fed. First those that the image asks for. perch plan --loader NAME
      has the details.

      Where the image asks for a loader (by a header, a note, its processor), or where
      you name it, a remark is a warning, and a refusal an error, as is what it must
      not be fed with. Of other loaders the last is a warning, the rest no finding.
      What is only unspecified never is one.

      The exit status is 1 with a finding at or above --fail-on in any file, and 3
      where a file cannot be read; the others are reported all the same.
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

  @Argument(help: "The kernels.", completion: .file())
  var files: [String]

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
    let requests = try loader.loaders.map { ($0, try machine.request(for: $0, image: "")) }
    var result = CheckResult([])
    var isAnyUnreadable = false
    for path in files {
      do throws(Failure) {
        result.files.append(try check(path, requests, channels: channels))
      } catch {
        guard error.status == .unreadableInput else { throw error }
        channels.report(error.diagnostic)
        result.files.append(.init(path: path, size: nil, .unreadable(error.diagnostic)))
        isAnyUnreadable = true
      }
    }
    try print(result, on: channels)
    if isAnyUnreadable { throw ExitStatus.unreadableInput.code }
    if let level = failOn.severity, result.hasFinding(atLeast: level) { throw ExitStatus.findings.code }
  }

  private func check(
    _ path: String, _ requests: [(LoaderName, LoaderRequest)], channels: Channels
  ) throws(Failure) -> CheckResult.File {
    let image = try LoaderImage(
      path: path, limits: DecompressionLimits(cap: maxSize.count), for: loader.loaders, channels: channels)
    let verdicts = requests.map { name, request in
      var request = request
      request.imageName = path
      return image.verdict(of: name, request, isNamed: !loader.isAll)
    }
    return .init(path: path, size: image.input.size, .report(CheckReport(verdicts, layers: image.layers)))
  }

  /// Nothing where no file could be read, as every verb does.
  private func print(_ result: CheckResult, on channels: Channels) throws(Failure) {
    guard result.hasReport else { return }
    switch output.format {
    case .text: try channels.write(result.text(style: channels.results))
    case .json: try channels.write(result.json(tool: ToolVersion.text).text + "\n")
    }
  }
}
