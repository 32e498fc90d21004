import Addresses
import ArgumentParser
import Placement
import Reporting

/// `perch map FILE`
struct Map: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "What the page tables of a plan map, read from the tables themselves.",
    discussion: "The options are those of plan; without --kaslr, what is printed is what perch boot runs.")

  @Argument(help: "The kernel.", completion: .file())
  var file: String

  @OptionGroup(title: "Plan options")
  var options: PlanOptions

  @OptionGroup(title: "Output options")
  var output: LineOutputOptions

  func run() throws {
    let planned = try PlannedKernel(file, options: options, channels: Channels(color: output.color))
    guard planned.plan.longMode != nil else {
      throw Failure(
        PlanError(.badRequest, "the plan enters the kernel with paging off: there are no page tables"), path: file)
    }
    guard let report = MapReport(planned.plan) else {
      throw Self.defect("the plan puts no table where CR3 points", path: file, [])
    }
    try output.print(report.document, lines: report.lines, about: planned.image.input)
    guard report.disagreements.isEmpty else {
      throw Self.defect("the tables differ from what the plan asks for", path: file, report.disagreements)
    }
  }

  private static func defect(_ sentence: String, path: String, _ evidence: [String]) -> Failure {
    Failure(
      .defect,
      Diagnostic(
        code: 902, sentence, at: .init(path: path), evidence: evidence,
        helps: ["this is a defect; please report it with the command line and the file"]))
  }
}
