import Addresses
import Machines
import PageTables

/// A guest's memory before there is a guest: tables are made here, and then put into the guest.
final class SparseMemory: WritableTableMemory {
  let range: PhysicalRange
  /// By frame number; a frame that is missing is all zeros.
  private var frames: [UInt64: [UInt64]] = [:]
  private static let frame: UInt64 = 4096

  init(_ range: PhysicalRange) { self.range = range }

  func loadEntry(at address: PhysicalAddress) -> UInt64? {
    guard range.contains(address) else { return nil }
    return frames[address.value / Self.frame]?[Int(address.value % Self.frame / 8)] ?? 0
  }

  func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
    guard range.contains(address) else { return false }
    let number = address.value / Self.frame
    if value == 0, frames[number] == nil { return true }
    frames[number, default: [UInt64](repeating: 0, count: 512)][Int(address.value % Self.frame / 8)] = value
    return true
  }

  /// Clearing forgets whole frames.
  func storeEntries(_ count: Int, first: UInt64, step: UInt64, at address: PhysicalAddress) -> Bool {
    var place = address.value
    let end = place + UInt64(count) * 8
    guard range.contains(address), end - range.start.value <= range.count.value else { return false }
    var value = first
    while place < end {
      if first == 0, step == 0, place % Self.frame == 0, end - place >= Self.frame {
        frames[place / Self.frame] = nil
        place += Self.frame
      } else {
        _ = storeEntry(value, at: PhysicalAddress(place))
        value &+= step
        place += 8
      }
    }
    return true
  }

  /// Copies finished tables.
  func store(_ image: PageTableImage) {
    image.bytes.withUnsafeBytes { bytes in
      for offset in stride(from: 0, to: bytes.count, by: 8) {
        let word = UInt64(littleEndian: bytes.load(fromByteOffset: offset, as: UInt64.self))
        if word != 0 { _ = storeEntry(word, at: PhysicalAddress(image.root.value + UInt64(offset))) }
      }
    }
  }

  func copy(to memory: GuestMemory) {
    for (number, words) in frames {
      for (index, word) in words.enumerated() where word != 0 {
        memory.storeEntry(word, at: PhysicalAddress(number * Self.frame + UInt64(index) * 8))
      }
    }
  }
}
