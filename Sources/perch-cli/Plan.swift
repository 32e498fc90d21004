import Addresses
import ArgumentParser
import Codecs
import Loaders
import Placement
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
  var loader = LoaderName.perch

  @OptionGroup(title: "Plan options")
  var options: PlanOptions

  @OptionGroup(title: "Output options")
  var output: LineOutputOptions

  func validate() throws {
    guard loader != .perch, let option = options.ownOptions.first else { return }
    throw ValidationError("\(option) steers Perch's own loader: \(loader.rawValue) takes its own decisions")
  }

  func run() throws {
    let channels = Channels(color: output.color)
    guard loader == .perch else { return try predict(channels: channels) }
    let planned = try PlannedKernel(file, options: options, channels: channels)
    try show(planned.plan, about: planned.image.input)
  }

  private func show(_ plan: LoadPlan, modules: [String] = [], about input: Input) throws(Failure) {
    try output.print(PlanReport(plan, modules: modules).document, lines: plan.lines, about: input)
  }

  private func predict(channels: Channels) throws {
    let image = try LoaderImage(
      path: file, limits: DecompressionLimits(cap: options.maxSize.count), for: [loader], channels: channels)
    let request = try options.machine.request(for: loader, image: file)
    switch image.verdict(of: loader, request, isNamed: true).outcome {
    case .loads(let plan):
      let modules = request.modules.map { String($0.name.split(separator: "/").last ?? "") }
      try show(plan, modules: modules, about: image.input)
    case .refuses(let refusal):
      throw Failure(.cannotPlan, Diagnostic(refusal, by: loader, path: file))
    case .misbehaves(let misbehaviour):
      throw Failure(.cannotPlan, Diagnostic(misbehaviour, by: loader, path: file))
    }
  }
}

extension LoadPlan {
  fileprivate var lines: [String] {
    var lines: [String] = []
    forEachLine { lines.append($0) }
    return lines
  }
}
