import Perch
import Timing

/// Translates random addresses of a direct map in 4 KiB pages: each of them once, so that its entries are in no cache,
/// and a few again and again.
func measureTranslation(_ map: DirectMap, rounds: Int) throws {
  let count = Int(PageTableBudget(for: try map.space(largest: .size4KiB)).byteCount.value)
  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
  let tables = try map.build(.size4KiB, in: bytes)
  let chosen = TranslationTables(format: PagingFormat.x86_64(tables.format), memory: tables.memory, root: tables.root)
  var random = RandomAddresses(map: map)
  let few = random.next(1 << 8)
  var resolving = Times()
  var resolvingChosen = Times()
  var keepingSteps = Times()
  for _ in 0..<rounds {
    try resolving.add(&random, few) { physical(tables.resolve($0)) }
    try resolvingChosen.add(&random, few) { physical(chosen.resolve($0)) }
    try keepingSteps.add(&random, few) { physical(tables.translate($0).outcome) }
  }
  resolving.report("resolve")
  resolvingChosen.report("resolve, PagingFormat")
  keepingSteps.report("translate")
}

private func physical(_ resolution: Resolution) -> UInt64? {
  guard case .mapped(let byte) = resolution else { return nil }
  return byte.physical.value
}

/// One contestant's.
private struct Times {
  var cold: [Duration] = []
  var warm: [Duration] = []
  private static var count: Int { 1 << 18 }

  @inline(__always)
  mutating func add(
    _ random: inout RandomAddresses, _ few: [VirtualAddress], _ translate: (VirtualAddress) -> UInt64?
  ) throws {
    let clock = ContinuousClock()
    let many = random.next(Self.count)
    var sum: UInt64 = 0
    var expected: UInt64 = 0
    cold.append(clock.measure { for address in many { sum &+= translate(address) ?? 0 } })
    for address in many { expected &+= random.map.physical(behind: address) }
    let repetitions = Self.count / few.count
    warm.append(
      clock.measure { for _ in 0..<repetitions { for address in few { sum &+= translate(address) ?? 0 } } })
    for address in few { expected &+= UInt64(repetitions) &* random.map.physical(behind: address) }
    guard sum == expected else { throw Complaint("addresses are translated wrongly") }
  }

  func report(_ label: String) {
    Timing.report("cold \(label)", cold, per: Self.count, in: .nanoseconds(1))
    Timing.report("warm \(label)", warm, per: Self.count, in: .nanoseconds(1))
  }
}

private struct RandomAddresses {
  let map: DirectMap
  private var generator = SplitMix64(seed: 42)

  init(map: DirectMap) { self.map = map }

  mutating func next(_ count: Int) -> [VirtualAddress] {
    (0..<count).map { _ in
      VirtualAddress(unchecked: map.range.start.value + generator.next() % map.size.value)
    }
  }
}

extension DirectMap {
  func physical(behind address: VirtualAddress) -> UInt64 { address.value - range.start.value + physical.value }
}
