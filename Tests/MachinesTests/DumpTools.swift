import Foundation
import KernelImage
import TestSupport
import Testing

/// A folder that goes away with its last user.
final class DumpFolder {
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  /// Writes a file of any name and returns its path.
  func write(_ bytes: [UInt8]) throws -> String {
    let path = path(UUID().uuidString)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
}

/// QEMU for one processor, asked over its monitor for a core of two processors at reset.
struct Emulator: CustomTestStringConvertible, Sendable {
  let program: String
  let options: [String]
  let machine: KernelImage.Machine
  /// How `info registers` prints the program counter.
  let label: String

  static let machines = [
    Emulator(program: "qemu-system-x86_64", options: ["-M", "pc"], machine: .i386, label: "EIP="),
    Emulator(program: "qemu-system-i386", options: ["-M", "pc"], machine: .i386, label: "EIP="),
    Emulator(
      program: "qemu-system-aarch64", options: ["-M", "virt", "-cpu", "max"], machine: .aarch64, label: " PC="),
    Emulator(program: "qemu-system-riscv64", options: ["-M", "virt"], machine: .riscv, label: " pc       "),
  ]
  static let readelf = Emulator(program: "readelf", options: [], machine: .none, label: "")

  var testDescription: String { program }

  /// Where CI is set the test runs, so that a missing tool is a failure.
  var isExpected: Bool {
    ProcessInfo.processInfo.environment["CI"] != nil
      || FileManager.default.isExecutableFile(atPath: "/usr/bin/\(program)")
  }

  /// What `info registers` says about the first processor.
  struct Registers {
    let programCounter: UInt64?
    let pstate: UInt64?
  }

  /// Writes a core and says what the monitor said.
  func dump(to path: String) throws -> Registers {
    let text = try Self.run(
      ["timeout", "-k", "2", "30", program] + options + [
        "-S", "-m", "64M", "-smp", "2", "-nodefaults", "-display", "none", "-serial", "none", "-monitor", "stdio",
      ], input: "info registers\ndump-guest-memory \(path)\nquit\n")
    return Registers(programCounter: number(after: label, in: text), pstate: number(after: "PSTATE=", in: text))
  }

  /// Offset, physical address and size of each LOAD, by address, as `readelf -lW` prints them.
  static func readelfLoads(_ path: String) throws -> [[UInt64]] {
    var loads: [[UInt64]] = []
    for line in try run(["readelf", "-lW", path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.first == "LOAD", words.count > 4 else { continue }
      loads.append([1, 3, 4].map { UInt64(words[$0].dropFirst(2), radix: 16) ?? 0 })
    }
    return loads.sorted { $0[1] < $1[1] }
  }

  private func number(after label: String, in text: String) -> UInt64? {
    text.range(of: label).flatMap { UInt64(text[$0.upperBound...].prefix(while: \.isHexDigit), radix: 16) }
  }

  private static func run(_ arguments: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    let (source, sink) = (InputPipe(), Pipe())
    process.standardInput = source.pipe
    process.standardOutput = sink
    process.standardError = FileHandle.nullDevice
    try process.run()
    // A few hundred bytes: they fit a pipe, so that nobody waits.
    source.write(input)
    source.close()
    let output = sink.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self)
  }
}
