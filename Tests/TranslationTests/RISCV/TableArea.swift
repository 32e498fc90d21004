import Addresses
import PageTables

/// Memory in which tests write tables, before it is copied into a guest's.
final class TableArea: WritableTableMemory {
  let base: UInt64
  private(set) var words: [UInt64]

  init(base: UInt64, frames: Int) {
    self.base = base
    words = [UInt64](repeating: 0, count: frames * 512)
  }

  var range: PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(base), count: ByteCount(UInt64(words.count) * 8))
  }

  /// The area as a guest's memory has it: hosts of these tests are little-endian, like the guest.
  var placed: PlacedTables { PlacedTables(base: base, bytes: words.withUnsafeBytes { Array($0) }) }

  func loadEntry(at address: PhysicalAddress) -> UInt64? { index(of: address).map { words[$0] } }

  func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
    guard let index = index(of: address) else { return false }
    words[index] = value
    return true
  }

  private func index(of address: PhysicalAddress) -> Int? {
    guard range.contains(address), address.value % 8 == 0 else { return nil }
    return Int((address.value - base) / 8)
  }
}
