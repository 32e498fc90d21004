import Foundation

/// The boot information in a machine's memory (Multiboot Specification 0.6.96, 3.3; Multiboot2 Specification 2.0, 3.6).
struct GRUBInformation {
  let version: Int
  let start: UInt64
  let run: RealGRUB.Run

  init(version: Int, at start: UInt64, in run: RealGRUB.Run) {
    self.version = version
    self.start = start
    self.run = run
  }

  /// First byte and the one behind the last of each module.
  func modules() throws -> [Range<UInt64>] {
    if version == 1 {
      let count = try word(start + 20)
      let list = try word(start + 24)
      return try (0..<min(count, 64)).map { try range(at: list + 16 * $0) }
    }
    var found: [Range<UInt64>] = []
    let end = start + (try word(start))
    var tag = start + 8
    while tag < end {
      if try word(tag) == 3 { found.append(try range(at: tag + 8)) }
      tag += max(8, (try word(tag + 4) + 7) & ~7)
    }
    return found
  }

  private func range(at address: UInt64) throws -> Range<UInt64> {
    let first = try word(address)
    return first..<max(first, try word(address + 4))
  }

  private func word(_ address: UInt64) throws -> UInt64 {
    try run.bytes(at: address, 4).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
