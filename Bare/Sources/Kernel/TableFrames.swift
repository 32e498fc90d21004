import Addresses
import BareMachine
import PageTables

extension TranslationTables where Memory == DirectMap {
  /// The frames that these tables lie in, neighbours joined as they are met. Each table is used once.
  var frames: [PhysicalRange] {
    var found = [PhysicalRange(uncheckedStart: root, count: .kibibytes(4))]
    addTables(below: root, at: format.geometry.rootLevel, to: &found)
    return found
  }

  private func addTables(below table: PhysicalAddress, at level: TableLevel, to found: inout [PhysicalRange]) {
    // The entries of the last level are pages.
    guard level > .pageTable else { return }
    for index in 0..<UInt64(format.geometry.entryCount(of: level)) {
      let place = PhysicalAddress(unchecked: table.value &+ index &* 8)
      guard let entry = memory.loadEntry(at: place), entry != 0,
        case .table(let next) = format.decode(entry, at: level)
      else { continue }
      Self.add(next, to: &found)
      addTables(below: next, at: level.below, to: &found)
    }
  }

  private static func add(_ frame: PhysicalAddress, to found: inout [PhysicalRange]) {
    for (index, range) in found.enumerated() where range.endValue == frame.value {
      found[index] = PhysicalRange(uncheckedStart: range.start, count: ByteCount(range.count.value + 0x1000))
      return
    }
    found.append(PhysicalRange(uncheckedStart: frame, count: .kibibytes(4)))
  }
}
