import AddressSpace
import Addresses
import Testing

@Suite struct MemoryMapTests {
  private func entry(_ start: UInt64, _ count: UInt64, _ kind: MemoryKind) -> MemoryMap.Entry {
    .init(range: PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count)), kind: kind)
  }

  @Test func joinsNeighboursAndLetsTheRestrictiveKindWin() {
    let map = MemoryMap(normalising: [
      entry(0x2000, 0x1000, .usable), entry(0x1000, 0x1000, .usable), entry(0x1800, 0x400, .reserved),
      entry(0x9000, 0, .usable), entry(0x5000, 0x1000, .acpiReclaimable),
    ])
    #expect(
      map.entries == [
        entry(0x1000, 0x800, .usable), entry(0x1800, 0x400, .reserved), entry(0x1c00, 0x1400, .usable),
        entry(0x5000, 0x1000, .acpiReclaimable),
      ])
  }

  @Test(arguments: 0..<50 as Range<UInt64>)
  func everyByteKeepsItsMostRestrictiveKind(seed: UInt64) {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    func random(_ bound: UInt64) -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state % bound
    }
    let raw = (0..<8).map { _ in entry(random(64), random(24), MemoryKind(rawValue: UInt32(1 + random(5)))) }
    let map = MemoryMap(normalising: raw)
    for byte in 0..<100 as Range<UInt64> {
      let claims = raw.filter { $0.range.contains(PhysicalAddress(byte)) }.map(\.kind.rawValue).max()
      #expect(map.entry(at: PhysicalAddress(byte))?.kind.rawValue == claims)
    }
    for (one, next) in zip(map.entries, map.entries.dropFirst()) {
      #expect(one.range.endValue <= next.range.start.value)
      #expect(one.range.endValue < next.range.start.value || one.kind != next.kind)
    }
  }
}
