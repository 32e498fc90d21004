import AddressSpace
import Addresses
import PageTables

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same cases on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

func intent(
  _ virtual: UInt64, _ count: UInt64, to physical: UInt64, _ access: Access = .readWrite,
  cache: CachePolicy = .writeBack, largest: PageSize = .size2MiB, name: String = "test"
) -> MappingIntent {
  MappingIntent(
    virtual: VirtualRange(uncheckedStart: VirtualAddress(virtual), count: ByteCount(count)),
    physical: PhysicalAddress(physical), access: access, cache: cache, largestPage: largest, name: name)
}

func space(_ intents: MappingIntent...) throws -> AddressSpace {
  var space = AddressSpace(mode: .x86_64FourLevel)
  for intent in intents { try space.add(intent) }
  return space
}

extension PageTableImage {
  /// The entry at `index` of the frame with this number.
  func entry(_ index: Int, ofFrame frame: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[frame * 4096 + index * 8 + $1]) << (8 * UInt64($1)) }
  }

  var walker: X86_64Walker<BytesTableMemory> {
    X86_64Walker(memory: BytesTableMemory(self), root: root)
  }
}

extension AddressSpace {
  /// Up to `count` mappings at random places near boundaries: stretches of all sizes, and gaps between them.
  static func random(seed: UInt64, mappings count: Int) -> AddressSpace {
    var generator = SeededGenerator(state: seed)
    var space = AddressSpace(mode: .x86_64FourLevel)
    let anchors: [UInt64] = [
      0, 0x20_0000, 0x4000_0000, 0x7f_c000_0000, 0x7fff_ffc0_0000, 0xffff_8000_0000_0000, 0xffff_8880_0000_0000,
      0xffff_ffff_8100_0000, 0xffff_ffff_ff00_0000,
    ]
    let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
    for number in 0..<count {
      let start = anchors.randomElement(using: &generator)! &+ UInt64.random(in: 0..<2048, using: &generator) << 12
      let pages = UInt64.random(in: 1...1200, using: &generator)
      // Three in four are congruent modulo 2 MiB; a 4 KiB shift breaks the others.
      let shift = Bool.random(using: &generator) && Bool.random(using: &generator) ? UInt64(0x1000) : 0
      let physical = (start & 0x1f_ffff) &+ shift &+ UInt64.random(in: 8..<4096, using: &generator) << 21
      try? space.add(
        intent(
          start, pages << 12, to: physical, accesses.randomElement(using: &generator)!,
          cache: Bool.random(using: &generator) ? .writeBack : .uncacheable,
          largest: PageSize.allCases.randomElement(using: &generator)!, name: "mapping \(number)"))
    }
    return space
  }
}
