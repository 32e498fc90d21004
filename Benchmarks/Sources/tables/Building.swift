import CBaseline
import Glibc
import Perch
import Timing

/// Building against memset of as many bytes. Each starts with memory that malloc has just got from the kernel, pays for
/// its first touch, and is not charged for giving it back.
func measureBuilding(_ map: DirectMap, rounds: Int) throws {
  baseline_map_large_blocks()
  for (name, size) in [("4 KiB", PageSize.size4KiB), ("2 MiB", .size2MiB), ("1 GiB", .size1GiB)] {
    let space = try map.space(largest: size)
    let budget = PageTableBudget(for: space)
    let count = Int(budget.byteCount.value)
    try checkAgreement(map, space, size, count)
    var image: [Duration] = []
    var region: [Duration] = []
    var reference: [Duration] = []
    for round in 0..<rounds {
      // Who comes first rotates.
      for turn in 0..<3 {
        switch (round + turn) % 3 {
        case 0: image.append(timeImage(map, space))
        case 1: region.append(try timeInFreshMemory(count) { _ = try map.build(size, in: $0) })
        default: reference.append(try timeInFreshMemory(count) { baseline_fill($0.baseAddress, count) })
        }
      }
    }
    let (warm, warmReference) = try timeInTouchedMemory(count, rounds, fill: { baseline_fill($0.baseAddress, count) }) {
      _ = try map.build(size, in: $0)
    }
    let entries = Int(map.size.value >> UInt64(size.rawValue))
    let unit = size == .size4KiB ? Duration.milliseconds(1) : .microseconds(1)
    report("image \(name)", image, in: unit)
    report("map \(name)", region, in: unit)
    report("memset \(name)", reference, in: unit)
    report("touched map \(name)", warm, in: unit)
    report("touched memset \(name)", warmReference, in: unit)
    report("image \(name) entry", image, per: entries, in: .nanoseconds(1))
    report("map \(name) entry", region, per: entries, in: .nanoseconds(1))
    report("image \(name) ratio", image, over: reference)
    report("map \(name) ratio", region, over: reference)
    report("touched map \(name) ratio", warm, over: warmReference)
    print("tables \(name)\t\(count >> 10) KiB, \(entries) entries")
  }
}

/// Both ways of building describe the map and nothing else.
private func checkAgreement(_ map: DirectMap, _ space: AddressSpace, _ size: PageSize, _ count: Int) throws {
  // Only one of them is in memory at a time.
  do {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { bytes.deallocate() }
    try expectOneRun(try map.build(size, in: bytes), map, size)
  }
  let image = PageTableImage(building: space, at: map.base)
  try expectOneRun(
    TranslationTables(format: X86_64Format(), memory: BytesTableMemory(image), root: image.root), map, size)
}

private func expectOneRun(
  _ tables: TranslationTables<X86_64Format, some TableMemory>, _ map: DirectMap, _ size: PageSize
) throws {
  let (runs, report) = tables.runs(tableLimit: .max)
  guard runs.count == 1, runs[0].virtual == map.range, runs[0].physical == map.physical, runs[0].pageSize == size,
    report.problems.isEmpty
  else { throw Complaint("the tables do not map what they should") }
}

private func timeImage(_ map: DirectMap, _ space: AddressSpace) -> Duration {
  let clock = ContinuousClock()
  let start = clock.now
  let image = PageTableImage(building: space, at: map.base)
  let time = clock.now - start
  return withExtendedLifetime(image) { time }
}

private func timeInFreshMemory(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> Duration
{
  let clock = ContinuousClock()
  let start = clock.now
  guard let memory = malloc(count) else { throw Complaint("no memory") }
  defer { free(memory) }
  try body(UnsafeMutableRawBufferPointer(start: memory, count: count))
  return clock.now - start
}

/// The same without the kernel: memory whose pages are all there, as on the bare machine.
private func timeInTouchedMemory(
  _ count: Int, _ rounds: Int, fill: (UnsafeMutableRawBufferPointer) -> Void,
  build: (UnsafeMutableRawBufferPointer) throws -> Void
) throws -> (built: [Duration], filled: [Duration]) {
  let clock = ContinuousClock()
  let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
  defer { bytes.deallocate() }
  fill(bytes)
  var built: [Duration] = []
  var filled: [Duration] = []
  for _ in 0..<rounds {
    built.append(try clock.measure { try build(bytes) })
    filled.append(clock.measure { fill(bytes) })
  }
  return (built, filled)
}
