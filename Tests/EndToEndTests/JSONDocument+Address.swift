import TestSupport

extension JSONDocument {
  /// The number that a string like "0x1000" holds.
  var address: UInt64? { string.flatMap { UInt64($0.dropFirst(2), radix: 16) } }
}
