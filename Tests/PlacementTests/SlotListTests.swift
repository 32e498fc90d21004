import AddressSpace
import Addresses
@testable import Placement
import Testing

@Suite struct SlotListTests {
  private func range(_ start: UInt64, _ end: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(end - start))
  }

  /// A slow obvious model: every multiple of the step whose room lies in one free range.
  private func everySlot(
    _ free: [PhysicalRange], room: UInt64, step: UInt64, phase: UInt64, floor: UInt64, limit: UInt64
  )
    -> [UInt64]
  {
    var slots: [UInt64] = []
    var place = phase
    let top = free.map(\.endValue).max() ?? 0
    while place < top {
      let fits = free.contains { $0.start.value <= place && place + room <= min($0.endValue, limit) }
      if place >= floor, fits { slots.append(place) }
      place += step
    }
    return slots
  }

  @Test func agreesWithAnEnumeration() {
    var generator = SplitMix64(seed: 3)
    for _ in 0..<200 {
      var free: [PhysicalRange] = []
      var position = generator.draw(below: 0x4000)
      for _ in 0..<generator.draw(below: 5) {
        let length = 1 + generator.draw(below: 0x9000)
        free.append(range(position, position + length))
        position += length + 1 + generator.draw(below: 0x3000)
      }
      let room = 1 + generator.draw(below: 0x5000)
      let phase = generator.draw(below: 0x1000)
      let floor = generator.draw(below: 0x8000)
      let limit = 0x1000 + generator.draw(below: 0x20000)
      let list = SlotList(
        free: free, room: ByteCount(room), step: .page4KiB, phase: phase, floor: PhysicalAddress(floor), limit: limit)
      let expected = everySlot(free, room: room, step: 0x1000, phase: phase, floor: floor, limit: limit)
      #expect(list.total == UInt64(expected.count))
      for (index, place) in expected.enumerated() { #expect(list[UInt64(index)].value == place) }
    }
  }
}

@Suite struct PhysicalAllocatorTests {
  private let machine = MemoryMap(normalising: [
    .init(range: PhysicalRange(uncheckedStart: PhysicalAddress(0), count: .mebibytes(8)), kind: .usable),
    .init(range: PhysicalRange(uncheckedStart: PhysicalAddress(0x30_0000), count: .kibibytes(64)), kind: .reserved),
  ])

  @Test func neverHandsOutTheSameByteTwice() throws {
    var allocator = PhysicalAllocator(machine: machine, floor: PhysicalAddress(0x10_0000))
    var taken: [PhysicalRange] = []
    var turn = 0
    while true {
      let size = ByteCount.kibibytes(UInt64(4 + 4 * (turn % 7)))
      let range =
        turn % 2 == 0
        ? allocator.takeLowest(size, alignment: .page4KiB, below: .max)
        : allocator.takeHighest(size, alignment: .page4KiB, below: .max)
      guard let range else { break }
      #expect(machine.isUsable(range))
      #expect(range.start.value >= 0x10_0000)
      #expect(!taken.contains { $0.overlaps(range) })
      taken.append(range)
      turn += 1
    }
    // 7 MiB from 1 MiB less 64 KiB reserved; what is left over is smaller than the size that did not fit.
    let total = taken.map(\.count.value).reduce(0, +)
    #expect(total > (7 << 20) - (64 << 10) - 3 * (28 << 10))
  }

  @Test func claimingSplitsARange() {
    var allocator = PhysicalAllocator(machine: machine, floor: PhysicalAddress(0x10_0000))
    allocator.claim(PhysicalRange(uncheckedStart: PhysicalAddress(0x18_0000), count: .kibibytes(4)))
    #expect(
      allocator.free.map(\.start.value) == [0x10_0000, 0x18_1000, 0x31_0000])
    #expect(allocator.free.map(\.endValue) == [0x18_0000, 0x30_0000, 0x80_0000])
  }
}
