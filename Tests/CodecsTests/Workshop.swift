import Foundation
import TestSupport
import Testing

/// A folder of a test's own, and the real tools run in it.
struct Workshop {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func path(_ name: String) -> String { folder.path(name) }

  func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.url.appendingPathComponent(name)))
  }

  /// Runs a shell command in the directory, to its end.
  func run(_ command: String) throws {
    let process = try start(command)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command)")
  }

  /// Starts a shell command in the directory, under an outer time limit.
  func start(_ command: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["-k", "2", "60", "/bin/sh", "-c", command]
    process.currentDirectoryURL = folder.url
    try process.run()
    return process
  }

  /// What a shell command makes of `bytes`, from standard input to standard output.
  func pipe(_ bytes: [UInt8], through command: String) throws -> [UInt8] {
    let name = UUID().uuidString
    try folder.write(bytes, to: name + ".in")
    try run("(\(command)) < \(name).in > \(name).out")
    defer { try? run("rm -f \(name).in \(name).out") }
    return try read(name + ".out")
  }
}

/// The first `count` bytes, at most 20 MiB, of a sample that compresses about as well as code does: phrases of 16 bytes
/// drawn from 1,024, by a generator with a fixed seed.
func sample(_ count: Int) -> [UInt8] { Array(longestSample[..<count]) }

private let longestSample: [UInt8] = {
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
  let phrases = (0..<1024).map { _ in (0..<16).map { _ in UInt8(truncatingIfNeeded: next()) } }
  var bytes: [UInt8] = []
  while bytes.count < 20 << 20 { bytes += phrases[Int(next() & 1023)] }
  return bytes
}()

/// The size word that Linux's build appends to a payload.
func sizeWord(_ count: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } }
