public import Foundation

/// The built `perch`, run as a person runs it.
public enum PerchTool {
  public struct Result: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
  }

  /// The executable beside the test runner, built by the same `swift test`.
  public static var executable: URL {
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("perch")
  }

  /// Runs `perch` under an outer time limit, in the package's root.
  public static func run(_ arguments: [String], seconds: Int = 60, environment: [String: String] = [:]) throws -> Result
  {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "2", "\(seconds)", executable.path] + arguments
    process.currentDirectoryURL = PackageRoot.url
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files, not pipes: a full pipe would block the tool while nobody reads.
    let output = try folder.newFile("stdout")
    let errors = try folder.newFile("stderr")
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output.handle
    process.standardError = errors.handle
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: try folder.text(of: output.url),
      errors: try folder.text(of: errors.url))
  }
}

/// The package that the tests belong to.
public enum PackageRoot {
  public static let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
}

/// A folder of a test's own, removed with the value, also when the test fails.
public final class TemporaryFolder: Sendable {
  public let url: URL

  public init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("perch-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  public func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes bytes to a file of this name and returns its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: url.appendingPathComponent(name))
    return path(name)
  }

  public struct ScriptFailed: Error {
    public let status: Int32
  }

  /// Runs a shell script in this folder, under a time limit in seconds; `$1` and so on are the arguments.
  public func shell(_ script: String, _ arguments: String..., limit: Int = 60) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "1", "\(limit)", "bash", "-euc", script, "bash"] + arguments
    process.currentDirectoryURL = url
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ScriptFailed(status: process.terminationStatus) }
  }

  func newFile(_ name: String) throws -> (url: URL, handle: FileHandle) {
    let file = url.appendingPathComponent(name)
    try Data().write(to: file)
    return (file, try FileHandle(forWritingTo: file))
  }

  func text(of file: URL) throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
}

/// Debian's kernels, fetched by `scripts/fetch-kernel` into an ignored cache.
public enum DebianKernel: String, Sendable {
  /// The cloud kernel: an LZ4 payload.
  case cloud = "linux-image-cloud-amd64"
  /// The generic kernel: an XZ payload.
  case generic = "linux-image-amd64"
  /// The cloud kernel for AArch64: a plain `Image`.
  case cloudARM = "linux-image-cloud-arm64"

  public static let x86: [DebianKernel] = [.cloud, .generic]

  public var path: String {
    PackageRoot.url.appendingPathComponent(".cache/kernels/\(rawValue)/vmlinuz").path
  }

  public var isPresent: Bool { FileManager.default.fileExists(atPath: path) }

  /// Whether tests that need the kernel run: where CI is set they always do, so that a missing kernel is a failure.
  public var isExpected: Bool { ProcessInfo.processInfo.environment["CI"] != nil || isPresent }

  /// Whether tests that need both x86 kernels run.
  public static var areExpected: Bool { x86.allSatisfy(\.isExpected) }
}
