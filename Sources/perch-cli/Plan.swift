import ArgumentParser
import Reporting

/// `perch plan FILE`
struct Plan: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Where every byte of a kernel goes, and why.",
    discussion: "The same image, machine and seed give the same plan, bit for bit.")

  @Argument(help: "The kernel.", completion: .file())
  var file: String

  @OptionGroup(title: "Plan options")
  var options: PlanOptions

  @OptionGroup(title: "Output options")
  var output: OutputOptions

  func run() throws {
    let planned = try PlannedKernel(file, options: options, channels: Channels(color: output.color))
    try output.print(PlanReport(planned.plan).document, about: planned.image.input)
  }
}
