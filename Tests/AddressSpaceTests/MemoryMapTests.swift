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

@Suite struct AddressSpaceTests {
  private func intent(_ start: UInt64, _ count: UInt64, physical: UInt64 = 0) -> MappingIntent {
    MappingIntent(
      virtual: VirtualRange(uncheckedStart: VirtualAddress(start), count: ByteCount(count)),
      physical: PhysicalAddress(physical), access: .read, name: "test")
  }

  @Test func refusesContradictions() throws {
    var space = AddressSpace(mode: .x86_64FourLevel)
    try space.add(intent(0x4000, 0x4000))
    for (start, count) in [(0x3000, 0x2000), (0x7000, 0x1000), (0x4000, 0x1000), (0x1000, 0x10000)]
      as [(UInt64, UInt64)]
    {
      #expect(throws: MappingError.self) { try space.add(intent(start, count)) }
    }
    try space.add(intent(0x8000, 0x1000))
    try space.add(intent(0x3000, 0x1000))
    #expect(space.mappings.map(\.virtual.start.value) == [0x3000, 0x4000, 0x8000])
    #expect(space.mapping(at: VirtualAddress(0x7fff))?.virtual.start.value == 0x4000)
    #expect(space.mapping(at: VirtualAddress(0x9000)) == nil)
  }

  @Test func refusesWhatNoTableCanHold() {
    var space = AddressSpace(mode: .x86_64FourLevel)
    for bad in [
      intent(0x1001, 0x1000), intent(0x1000, 0x1001), intent(0x1000, 0x1000, physical: 0x800), intent(0x1000, 0),
      intent(0x0000_8000_0000_0000, 0x1000), intent(0x0000_7fff_ffff_f000, 0x2000),
      intent(0x1000, 0x2000, physical: (1 << 52) - 0x1000),
    ] {
      #expect(throws: MappingError.self) { try space.add(bad) }
    }
    #expect(throws: Never.self) { try space.add(intent(0xffff_ffff_ffff_f000, 0x1000)) }
  }
}
