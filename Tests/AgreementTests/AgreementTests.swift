import Foundation
import RealLoaders
import Testing

/// Every model against its loader, over the small part of the images; `make agreement` runs the rest.
@Suite struct AgreementTests {
  /// Where CI is set a loader that is missing is a failure.
  static var mustRun: Bool { ProcessInfo.processInfo.environment["CI"] != nil }

  @Test(arguments: AllJudges.all.map(\.name))
  func agrees(name: String) throws {
    var options = AgreementOptions()
    options.isQuick = true
    options.mustRun = Self.mustRun
    let judges = AllJudges.all.filter { $0.name == name }
    let table = AgreementRun(judges, options, state: try AgreementState(file: nil, tool: "")).table()
    if let reason = table.rows.first?.skipped, !Self.mustRun { try Test.cancel("\(reason)") }
    #expect(table.isGood, "\(table)")
  }
}
