import Addresses
import BootProtocols

/// Memory that has bytes in some places and nothing elsewhere.
struct PiecedMemory: BootMemory {
  var pieces: [(start: UInt64, bytes: [UInt8])] = []

  func loadByte(at address: PhysicalAddress) -> UInt8? {
    for piece in pieces where address.value >= piece.start && address.value - piece.start < UInt64(piece.bytes.count) {
      return piece.bytes[Int(address.value - piece.start)]
    }
    return nil
  }

  mutating func put(_ bytes: [UInt8], at start: UInt64) { pieces.append((start, bytes)) }
}

/// Little-endian words of 32 bits.
func words(_ values: UInt32...) -> [UInt8] {
  values.flatMap { value in (0..<4).map { UInt8(value >> (8 * $0) & 0xff) } }
}

/// Little-endian words of 64 bits.
func longs(_ values: UInt64...) -> [UInt8] {
  values.flatMap { value in (0..<8).map { UInt8(value >> (8 * $0) & 0xff) } }
}

/// The bytes of a string and a NUL.
func terminated(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

/// The same numbers in every run.
struct Dice: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 32 | state << 32
  }
}
