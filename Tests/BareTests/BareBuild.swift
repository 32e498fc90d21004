import Foundation
import TestSupport

/// What `scripts/build-bare` leaves: the loader, and Perch's kernel for each place.
enum BareBuild {
  static let folder =
    ProcessInfo.processInfo.environment["PERCH_BARE"] ?? PackageRoot.url.appendingPathComponent(".build/bare").path

  static let loader = path("loader")

  static func path(_ name: String) -> String { "\(folder)/\(name).elf" }

  /// Whether the tests run: where CI is set they always do, so that a missing build is a failure.
  static let isExpected =
    ProcessInfo.processInfo.environment["CI"] != nil
    || ["loader", "kernel"].allSatisfy { FileManager.default.fileExists(atPath: path($0)) }

  static let why = "scripts/build-bare was not run"

  static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
}
