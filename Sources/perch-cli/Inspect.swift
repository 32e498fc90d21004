import Addresses
import ArgumentParser
import Codecs
import KernelImage
import Reporting

/// `perch inspect FILE`: everything an image says about itself.
struct Inspect: ParsableCommand, ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print headers, segments, sections, notes, setup header and relocations.",
    discussion: """
      SECTIONS
        image, candidates, boots, payloads, layout, setup,
        header, segments, sections, notes, xenGuest, dynamic,
        relocations, symbols, relocationTable

      A compressed kernel is unpacked only when a section that is asked for needs it.
      """)

  @Argument(help: "The kernel image; - reads standard input.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("Print only these sections, separated by commas.", valueName: "names"))
  var section: String?

  @Option(help: "The most bytes a compressed part may unpack to.")
  var maxSize = SizeArgument(.gibibytes(1))

  @OptionGroup var output: OutputOptions

  func run() throws {
    let channels = Channels(color: output.color)
    let limits = DecompressionLimits(cap: maxSize.count)
    let image = try InputImage(path: file, limits: limits, channels: channels)
    let names = wanted
    let inspection = try Inspection(of: image, unpacks: names.map(Inspection.needsKernel) ?? true)
    var document = try inspection.document()
    if let names { _ = document.keep(only: names) }
    try output.print(document, about: image.input)
  }

  func validate() throws {
    let known = Inspection.sectionNames
    guard let unknown = wanted?.first(where: { !known.contains($0) }) else { return }
    throw ValidationError("There is no section '\(unknown)'. Sections: \(known.joined(separator: ", ")).")
  }

  /// The sections asked for; nil for all.
  private var wanted: [String]? { section.map { $0.split(separator: ",").map(String.init) } }
}
