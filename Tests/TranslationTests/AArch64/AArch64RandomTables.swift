import AddressSpace
import Addresses
import PageTables
import TestSupport

/// Tables that no builder makes: every bit that means something, at random, in every kind of entry.
///
/// Left out is what QEMU 7.2 does differently from the Arm ARM: it takes 4 KiB level 0 and 16 KiB level 1 blocks without
/// TCR_EL1.DS and 64 KiB level 1 blocks without 52-bit addresses, and it ignores the descriptor bits of PA[51:48] (64
/// KiB) and PA[51:50] (DS) when IPS says 48 bits or less. So no blocks stand where they are not implemented, and those
/// bits are 0 then.
struct AArch64RandomTables {
  let trial: AArch64Trial
  let regime: AArch64Regime
  private var generator: SeededGenerator
  private var tablesLeft: Int
  /// Addresses behind every entry that was made.
  private(set) var addresses: [UInt64] = []

  private var geometry: TableGeometry { regime.format.geometry }
  private var paging: AArch64Paging { regime.paging }

  init(_ trial: AArch64Trial, _ regime: AArch64Regime, tableLimit: Int = 24, seed: UInt64) {
    self.trial = trial
    self.regime = regime
    tablesLeft = tableLimit
    generator = SeededGenerator(seed: seed)
    fill(regime.root, geometry.rootLevel, from: 0)
  }

  private mutating func fill(_ table: UInt64, _ level: TableLevel, from linear: UInt64) {
    let count = geometry.entryCount(of: level)
    for _ in 0..<(level == geometry.rootLevel ? 7 : 5) {
      let index = Int.random(in: 0..<count, using: &generator)
      let place = table + 8 * UInt64(index)
      let below = linear | UInt64(index) << geometry.shift(of: level)
      guard trial.memory.loadEntry(at: PhysicalAddress(place)) == 0 else { continue }
      if generator.next() & 7 == 0, addGroup(table, level, around: index, from: linear) { continue }
      let (entry, next) = entry(level)
      _ = trial.memory.storeEntry(entry, at: PhysicalAddress(place))
      note(below, level)
      if let next { fill(next, level.below, from: below) }
    }
  }

  /// A contiguous group: aligned in both spaces, alike but for the address (Arm ARM, D8, “The Contiguous bit”).
  private mutating func addGroup(_ table: UInt64, _ level: TableLevel, around index: Int, from linear: UInt64) -> Bool {
    let counts: [Int] =
      switch paging.granule {
      case .size4KiB: [16, 16, 16]
      case .size16KiB: [128, 32]
      case .size64KiB: [32, 32]
      }
    guard level.rawValue <= counts.count else { return false }
    let count = counts[level.rawValue - 1]
    let first = index & ~(count - 1)
    let unit = geometry.pageSize(of: level).byteCount.value
    guard first + count <= geometry.entryCount(of: level), let start = target(of: unit * UInt64(count)) else {
      return false
    }
    let places = (first..<first + count).map { PhysicalAddress(table + 8 * UInt64($0)) }
    guard places.allSatisfy({ trial.memory.loadEntry(at: $0) == 0 }) else { return false }
    let alike = leaf(level, at: 0) | 1 << 52
    for (number, place) in places.enumerated() {
      _ = trial.memory.storeEntry(alike | encode(start + unit * UInt64(number)), at: place)
    }
    for member in [first, index, first + count - 1] {
      addresses.append(geometry.virtual(linear | UInt64(member) << geometry.shift(of: level)).value)
    }
    return true
  }

  private mutating func note(_ linear: UInt64, _ level: TableLevel) {
    let span = (1 << geometry.shift(of: level)) - 1 as UInt64
    for offset in [0, span, UInt64.random(in: 0...span, using: &generator)] {
      addresses.append(geometry.virtual(linear + offset).value)
    }
  }

  /// An entry, and the table that it points to.
  private mutating func entry(_ level: TableLevel) -> (UInt64, UInt64?) {
    let kind = UInt8.random(in: 0..<16, using: &generator)
    if kind == 0 { return (generator.next() & ~1, nil) }
    // 0b01: reserved at the last level.
    if level == .pageTable, kind == 1 { return (leaf(level) & ~2, nil) }
    if level > .pageTable, kind == 2 { return (tableBits() | encode(0xc000_0000), nil) }
    if level > .pageTable, kind == 3, regime.controls.physicalBits < 48 { return (tableBits() | beyond(), nil) }
    let isLeaf = level == .pageTable || tablesLeft == 0 || kind < 7 && regime.format.allowsPages(at: level)
    if !isLeaf {
      tablesLeft -= 1
      let table = trial.takeFrames()
      return (tableBits() | encode(table), table)
    }
    guard regime.format.allowsPages(at: level) else { return (0, nil) }
    if kind == 15, regime.controls.physicalBits < 48 { return (leaf(level, at: 0) | beyond(), nil) }
    return (leaf(level), nil)
  }

  /// NSTable to PXNTable with all that is ignored, PA[51:50] and AF's place left 0.
  private mutating func tableBits() -> UInt64 {
    // Nine of sixteen take nothing away.
    let taken = generator.next() & generator.next() & 0x7800_0000_0000_0000
    return taken | generator.next() & 0x07f8_0000_0000_00fc | 3
  }

  /// An address with a bit above those of IPS, below 48.
  private mutating func beyond() -> UInt64 {
    1 << UInt64.random(in: UInt64(regime.controls.physicalBits)..<48, using: &generator)
  }

  private mutating func leaf(_ level: TableLevel) -> UInt64 {
    leaf(level, at: target(of: geometry.pageSize(of: level).byteCount.value) ?? 0)
  }

  private mutating func leaf(_ level: TableLevel, at address: UInt64) -> UInt64 {
    // Software's bits and bits that mean something, except Contiguous (52), GP (50) and where addresses are; AF mostly
    // set, PXN and UXN seldom.
    let always: UInt64 = level == .pageTable ? 3 : 1
    var bits = generator.next() & 0x0788_0000_0000_08dc
    if generator.next() & 7 != 0 { bits |= 1 << 10 }
    if generator.next() & 3 == 0 { bits |= 1 << 53 }
    if generator.next() & 3 == 0 { bits |= 1 << 54 }
    if !(paging.hasLargeAddresses && paging.granule != .size64KiB) { bits |= generator.next() & 0x300 }
    return encode(address) | bits | always
  }

  /// Accessible memory where `unit` bytes fit into it, else anything that IPS reaches.
  private mutating func target(of unit: UInt64) -> UInt64? {
    let accessible = AArch64Trial.accessible
    let first = (accessible.start.value + unit - 1) & ~(unit - 1)
    if first + unit <= accessible.endValue, generator.next() & 3 != 0 {
      return first + unit * UInt64.random(in: 0..<(accessible.endValue - first) / unit, using: &generator)
    }
    let bits = min(regime.controls.physicalBits, paging.hasLargeAddresses ? 52 : 48)
    guard unit <= 1 << UInt64(bits) else { return nil }
    return generator.next() & ((1 << UInt64(bits)) - 1) & ~(unit - 1)
  }

  /// Where descriptors have an address (Arm ARM, D8.3).
  private func encode(_ address: UInt64) -> UInt64 {
    guard paging.hasLargeAddresses else { return address }
    if paging.granule == .size64KiB { return address & 0xffff_ffff_0000 | (address >> 48) << 12 }
    return address & 0x3_ffff_ffff_f000 | (address >> 50) << 8
  }
}
