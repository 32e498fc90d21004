public import Addresses

/// As much of a PE file as it takes to say what it is (Microsoft PE Format, "Signature" to "Section Table").
public struct PEOutline: Sendable {
  /// Where "PE\0\0" lies in the file.
  public let headerOffset: FileOffset
  /// `Machine`: 0x8664 x86-64, 0xaa64 AArch64, 0x5064 RISC-V 64.
  public let machine: UInt16
  /// Section names, at most 8 bytes each, in table order.
  public let sectionNames: [String]

  /// Nil when the bytes are no PE file, or its section table is cut off.
  public init?(parsing bytes: RawSpan) {
    guard bytes.spells("MZ", at: 0), let start = bytes.load(UInt32.self, at: 0x3c).map(UInt64.init),
      bytes.spells("PE\0\0", at: start),
      let machine = bytes.load(UInt16.self, at: start + 4), let count = bytes.load(UInt16.self, at: start + 6),
      let optionalSize = bytes.load(UInt16.self, at: start + 20)
    else { return nil }
    let table = start + 24 + UInt64(optionalSize)
    guard bytes.holds(UInt64(count) * 40, at: table) else { return nil }
    headerOffset = FileOffset(unchecked: start)
    self.machine = machine
    var names: [String] = []
    for index in 0..<UInt64(count) { names.append(bytes.text(at: table + index * 40, limit: 8)) }
    sectionNames = names
  }

  public func hasSection(named name: String) -> Bool {
    sectionNames.contains { $0.isSame(as: name) }
  }
}
