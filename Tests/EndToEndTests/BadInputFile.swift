import Foundation

/// A copy of an image that is altered in place and restored, so that a large one is copied once.
final class AlteredFile {
  let path: String
  private let original: Data
  private let handle: FileHandle

  init(copying source: String, to path: String) throws {
    original = try Data(contentsOf: URL(fileURLWithPath: source))
    self.path = path
    try original.write(to: URL(fileURLWithPath: path))
    handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
  }

  var count: Int { original.count }

  func bytes(in range: Range<Int>) -> [UInt8] { [UInt8](original[range]) }

  /// The original's little-endian integer.
  func load<Integer: FixedWidthInteger>(_ type: Integer.Type, at offset: Int) -> Integer {
    bytes(in: offset..<offset + type.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
  }

  /// Alters the file while `body` runs.
  @discardableResult
  func with<Result>(_ changes: [(offset: Int, bytes: [UInt8])], _ body: () throws -> Result) throws -> Result {
    for change in changes { try write(Data(change.bytes), at: change.offset) }
    defer {
      for change in changes {
        try? write(original[change.offset..<change.offset + change.bytes.count], at: change.offset)
      }
    }
    return try body()
  }

  /// Cuts the file; it stays cut.
  func cut(to count: Int) throws { try handle.truncate(atOffset: UInt64(count)) }

  private func write(_ bytes: Data, at offset: Int) throws {
    try handle.seek(toOffset: UInt64(offset))
    try handle.write(contentsOf: bytes)
  }
}

extension FixedWidthInteger {
  /// Little-endian, as in the file.
  var bytes: [UInt8] { (0..<bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }
}
