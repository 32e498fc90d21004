import Addresses
import ArgumentParser
import Codecs
import Reporting

/// `perch FILE`: what is this, what can boot it, the facts that matter.
struct Summary: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary", abstract: "Say what a file is and what can boot it (the same as no verb).")

  @Argument(help: "The kernel image; - reads standard input.", completion: .file())
  var file: String?

  @Option(help: "The most bytes a compressed part may unpack to.")
  var maxSize = SizeArgument(.gibibytes(1))

  @OptionGroup var output: OutputOptions

  func run() throws {
    guard let file else { throw CleanExit.helpRequest(PerchCommand.self) }
    let channels = Channels(color: output.color)
    let image = try InputImage(path: file, limits: DecompressionLimits(cap: maxSize.count), channels: channels)
    let inspection = try Inspection(of: image, unpacks: true)
    try output.print(inspection.summaryDocument(), about: image.input)
  }
}
