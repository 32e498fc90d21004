import Foundation

/// What binutils says about a file.
enum Readelf {
  static let path = "/usr/bin/readelf"

  /// Where CI is set the test runs, so that a missing tool is a failure.
  static var isExpected: Bool {
    ProcessInfo.processInfo.environment["CI"] != nil || FileManager.default.isExecutableFile(atPath: path)
  }

  /// The names of the sections in each segment, from `readelf -lW`.
  static func sectionsInSegments(of file: String) throws -> [[String]] {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = ["-lW", file]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let header = lines.firstIndex(where: { $0.contains("Segment Sections...") }) else { return [] }
    return lines[(header + 1)...].prefix { $0.hasPrefix("   ") }
      .map { $0.split(separator: " ").dropFirst().map(String.init) }
  }
}
