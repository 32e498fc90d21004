import Addresses
import ArgumentParser
import Codecs
import Loaders
import Reporting

/// `perch plan FILE`
struct Plan: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Where every byte of a kernel goes, and why.",
    discussion: """
      The same image, machine and seed give the same plan, bit for bit.
      With --loader it is what that loader will do, or why it refuses.
      """)

  @Argument(help: "The kernel.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("Whose plan: perch, or another loader's name.", valueName: "name"))
  var loader: PlanLoader = .perch

  @OptionGroup(title: "Plan options")
  var options: PlanOptions

  @OptionGroup(title: "Output options")
  var output: OutputOptions

  func validate() throws {
    guard case .other(let name) = loader, let option = options.ownOptions.first else { return }
    throw ValidationError("\(option) steers Perch's own loader: \(name.rawValue) takes its own decisions")
  }

  func run() throws {
    let channels = Channels(color: output.color)
    guard case .other(let name) = loader else {
      let planned = try PlannedKernel(file, options: options, channels: channels)
      return try output.print(PlanReport(planned.plan).document, about: planned.image.input)
    }
    try predict(name, channels: channels)
  }

  private func predict(_ name: LoaderName, channels: Channels) throws {
    let image = try LoaderImage(
      path: file, limits: DecompressionLimits(cap: options.maxSize.count), for: [name], channels: channels)
    let request = try options.machine.request(for: name, image: file)
    switch image.verdict(of: name, request, isNamed: true).outcome {
    case .loads(let prediction):
      try output.print(PredictionReport(prediction, request: request).document, about: image.input)
    case .refuses(let refusal):
      throw Failure(.cannotPlan, Diagnostic(refusal, by: name, path: file))
    case .misbehaves(let misbehaviour):
      throw Failure(.cannotPlan, Diagnostic(misbehaviour, by: name, path: file))
    }
  }
}
