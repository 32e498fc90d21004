// Every verb over the memory and the frames that a boot loader has. scripts/check-bare-code looks at the machine code.
import AddressSpace
import Addresses
import PageTables

/// Takes what a visit finds, and keeps a number of it.
struct Sum: RunConsumer {
  var value: UInt64 = 0

  mutating func consume(_ run: TranslationRun) {
    value ^= run.virtual.count.value ^ run.physical.value ^ UInt64(run.attributes.rawValue)
    if run.rights.isWritableAndExecutable { value &+= 1 }
  }

  mutating func consume(_ problem: WalkFault) { value &+= problem.value &+ UInt64(problem.level.rawValue) }
}

/// The root at the start of `memory`, and behind it frames for other tables.
struct BareTables<Format: TableFormat> {
  let tables: TranslationTables<Format, RegionTableMemory>
  var frames: FrameRange

  init?(_ format: Format, _ memory: UnsafeMutableRawBufferPointer) {
    let base = PhysicalAddress(unchecked: 0x10_0000)
    let frame = format.geometry.frameSize
    guard let region = RegionTableMemory(base: base, bytes: memory), region.range.count >= frame else { return nil }
    tables = TranslationTables(format: format, memory: region, root: base)
    frames = FrameRange(
      PhysicalRange(
        uncheckedStart: PhysicalAddress(unchecked: base.value &+ frame.value),
        count: ByteCount(region.range.count.value &- frame.value)), frameSize: frame)
  }

  mutating func change(_ range: VirtualRange, _ physical: PhysicalAddress) throws(TableEditError) {
    try tables.map(range, to: physical, as: PageKind(.readWrite), frames: &frames)
    try tables.protect(range, as: .read, frames: &frames)
    try tables.unmap(range, frames: &frames)
  }

  func look(_ address: VirtualAddress) -> UInt64 {
    var sum = Sum()
    let summary = tables.visit(&sum)
    sum.value ^= UInt64(summary.visitedTables)
    for step in tables.translate(address).steps { sum.value ^= step.entry }
    if case .mapped(let byte) = tables.resolve(address) { sum.value ^= byte.physical.value }
    return sum.value
  }
}

/// The result depends on every verb, so that none is optimised away. `place`: virtual start, length, physical start.
func useAll<Format: TableFormat>(
  _ format: Format, _ memory: UnsafeMutableRawPointer, _ size: Int, _ place: UnsafePointer<UInt64>
) -> UInt64 {
  let buffer = UnsafeMutableRawBufferPointer(start: memory, count: size)
  guard var bare = BareTables(format, buffer) else { return 0 }
  let range = VirtualRange(uncheckedStart: VirtualAddress(unchecked: place[0]), count: ByteCount(place[1]))
  do {
    try bare.change(range, PhysicalAddress(unchecked: place[2]))
  } catch {
    return error.virtual.value ^ (error.entryAddress?.value ?? 0)
  }
  return bare.look(range.start) ^ UInt64(bare.frames.usedFrames)
}
