import AddressSpace
import Addresses
import Foundation
import Testing

extension [UInt8] {
  /// A little-endian integer of `size` bytes.
  func integer(at offset: Int, size: Int = 8) -> UInt64 {
    (0..<size).reduce(0) { $0 | UInt64(self[offset + $1]) << (8 * UInt64($1)) }
  }
}

/// Where a tool is found on this machine, if it is.
func toolPath(_ name: String) -> String? {
  let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
  return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}

/// Runs a tool and returns what it printed; any exit code but 0 fails the test.
func run(_ tool: String, _ arguments: [String]) throws -> String {
  let path = try #require(toolPath(tool))
  let process = Process()
  process.executableURL = URL(fileURLWithPath: path)
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  let text = String(decoding: data, as: UTF8.self)
  try #require(process.terminationStatus == 0, "\(tool): \(text)")
  return text
}

/// A folder for one test, removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

func range(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
  PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count))
}

/// A map of alternating usable and reserved pages, so that nothing is joined.
func memoryMap(entries: Int) -> MemoryMap {
  MemoryMap(
    normalising: (0..<entries).map {
      MemoryMap.Entry(range: range(UInt64($0) << 12, 4096), kind: $0 % 2 == 0 ? .usable : .reserved)
    })
}
