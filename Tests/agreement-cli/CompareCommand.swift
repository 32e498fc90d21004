import ArgumentParser
import Foundation
import RealLoaders

/// `make agreement`
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Runs the real loaders, and prints a table of what they agreed on.",
    discussion: "Each real loader runs over its named images, and then over images drawn by seed. A run that was ended "
      + "goes on where it was. Ends with 1 when a model and its loader disagree.")

  @Option(help: "How many images each loader draws. (default: as many as its speed allows)")
  var images: UInt64?

  @Flag(help: "Only the part that the tests run.")
  var quick = false

  @Option(help: "The first seed.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Only loaders with this in their names; may be repeated.", valueName: "name-part"))
  var only: [String] = []

  @Option(help: "How many loaders run side by side.")
  var jobs = 2

  @Option(help: "Where verdicts are kept.")
  var state = ".build/agreement/state.jsonl"

  @Flag(help: "Forget the verdicts that are kept.")
  var fresh = false

  func validate() throws {
    guard jobs > 0 else { throw ValidationError("--jobs is at least 1.") }
  }

  func run() throws {
    var options = AgreementOptions()
    options.images = images
    options.isQuick = quick
    options.firstSeed = seed
    options.names = only
    options.jobs = jobs
    options.mustRun = ProcessInfo.processInfo.environment["CI"] != nil
    let state = try AgreementState(
      file: URL(fileURLWithPath: state), tool: ToolFingerprint.own(), isFresh: fresh)
    let run = AgreementRun(AllJudges.all, options, state: state) { line in
      FileHandle.standardError.write(Data("agreement: \(line)\n".utf8))
    }
    let table = run.table()
    print(table)
    guard !table.rows.isEmpty else { throw ValidationError("No loader is called that.") }
    guard table.isGood else { throw ExitCode(1) }
  }
}
