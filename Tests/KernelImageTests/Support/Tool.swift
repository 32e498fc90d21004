import Foundation

/// Real tools that the tests compare with.
enum Tool {
  struct Failure: Error { let message: String }

  /// Runs a tool found in PATH and returns its standard output. Input and output go through files, so nothing blocks.
  static func run(_ arguments: [String], input: [UInt8]? = nil) throws -> Data {
    let folder = try TemporaryFolder()
    let output = try folder.write([], as: "output")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    if let input {
      process.standardInput = try FileHandle(forReadingFrom: try folder.write(input, as: "input"))
    }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(message: "\(arguments.joined(separator: " ")): exit \(process.terminationStatus)")
    }
    return try Data(contentsOf: output)
  }

  static func lines(_ arguments: [String]) throws -> [String] {
    String(decoding: try run(arguments), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init)
  }
}

/// A folder that goes away with its last user.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  @discardableResult
  func write(_ bytes: [UInt8], as name: String) throws -> URL {
    let file = url.appendingPathComponent(name)
    try Data(bytes).write(to: file)
    return file
  }
}
