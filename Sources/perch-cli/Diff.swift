import Addresses
import ArgumentParser
import BootProtocols
import Codecs
import Loaders
import Placement
import Reporting

/// `perch diff --loader A --loader B FILE`
struct Diff: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Where two loaders disagree about one kernel.",
    usage: "perch diff --loader NAME --loader NAME FILE [options]",
    discussion: """
      Compared are the verdict, where each byte of the file ends up, what is zeroed,
      the modules' places, and the entry's mode, address and registers.

      The exit status is 1 where they disagree.
      """)

  @Option(help: ArgumentHelp("A loader; given twice.", valueName: "name"))
  var loader: [LoaderName] = []

  @Argument(help: "The kernel.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("Most bytes to unpack.", valueName: "size"))
  var maxSize = SizeArgument(.gibibytes(1))

  @OptionGroup(title: "Machine options")
  var machine: MachineOptions

  @OptionGroup(title: "Output options")
  var output: OutputOptions

  func validate() throws {
    guard loader.count == 2 else { throw ValidationError("Give --loader twice: two are compared.") }
  }

  func run() throws {
    let channels = Channels(color: output.color)
    let image = try LoaderImage(
      path: file, limits: DecompressionLimits(cap: maxSize.count), for: loader, channels: channels)
    let report = DiffReport(
      LoaderComparison(try verdict(of: loader[0], image), try verdict(of: loader[1], image)))
    try output.print(report.document, about: image.input)
    if !report.isSame { throw ExitStatus.findings.code }
  }

  private func verdict(of name: LoaderName, _ image: LoaderImage) throws(Failure) -> LoaderVerdict {
    image.verdict(of: name, try machine.request(for: name, image: file), isNamed: true)
  }
}
