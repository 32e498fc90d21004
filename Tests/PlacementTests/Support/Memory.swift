import AddressSpace
import Addresses
import Placement

func physical(_ start: UInt64, count: UInt64) -> PhysicalRange {
  PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count))
}

func physical(_ start: UInt64, to end: UInt64) -> PhysicalRange { physical(start, count: end - start) }

let mebibyte: UInt64 = 1 << 20

extension MemoryMap {
  /// A machine whose usable memory is these half-open ranges, and nothing else.
  static func usable(_ ranges: (start: UInt64, end: UInt64)...) -> MemoryMap {
    MemoryMap(normalising: ranges.map { Entry(range: physical($0.start, to: $0.end), kind: .usable) })
  }

  /// A small PC: 636 KiB below the legacy hole, and everything from 1 MiB to `size`.
  static func computer(_ size: UInt64) -> MemoryMap { usable((0, 0x9_f000), (0x10_0000, size)) }
}

extension PlanRequest {
  init(_ machine: MemoryMap, _ change: (inout PlanRequest) -> Void = { _ in }) {
    self.init(machine: machine)
    change(&self)
  }
}

extension Array where Element == UInt8 {
  mutating func withMutableRawSpan<Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    var elements = mutableSpan
    var bytes = elements.mutableBytes
    try body(&bytes)
  }

  /// Little-endian words, as every format on x86-64 has them.
  init(words32 words: UInt32...) { self = words.flatMap { Self(littleEndian: $0) } }
  init(words64 words: UInt64...) { self = words.flatMap { Self(littleEndian: $0) } }

  init<Value: FixedWidthInteger>(littleEndian value: Value) {
    self = stride(from: 0, to: Value.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  func word<Value: FixedWidthInteger>(_ type: Value.Type = Value.self, at offset: UInt64) -> Value {
    (0..<Value.bitWidth / 8).reduce(0) { $0 | Value(self[Int(offset) + $1]) << (8 * $1) }
  }

  mutating func store<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    replaceSubrange(offset..<offset + Value.bitWidth / 8, with: Self(littleEndian: value))
  }

  /// Different bytes everywhere, so that a byte in a wrong place shows.
  static func pattern(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) &+ seed }
  }
}

/// Modules that lie in memory.
struct Modules: ModuleSource {
  var all: [[UInt8]] = []

  func copyModule(_ index: Int, to place: inout MutableRawSpan) -> Int {
    all[index].withRawSpan { place.copy(from: $0) }
    return all[index].count
  }
}
