package import Addresses

/// `0x` and lower-case digits, as every message of Perch spells an address.
package func hex(_ value: some FixedWidthInteger & UnsignedInteger) -> String { hex(UInt64(value)) }

@inline(never) package func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

package func hex(_ address: some Address) -> String { hex(address.value) }

package func hex(_ count: ByteCount) -> String { hex(count.value) }

/// A half-open range: `[0x1000000, 0x3c00000)`.
package func hex<Position: Address>(_ range: AddressRange<Position>) -> String {
  halfOpen(range.start.value, range.endValue)
}

@inline(never) private func halfOpen(_ start: UInt64, _ end: UInt64) -> String {
  text("[\(hex(start)), \(hex(end)))")
}

/// "0x1000-0x2000, 0x4000-0x5000".
@inline(never) func rangeList(_ ranges: [PhysicalRange]) -> Sentence {
  var text = ""
  for range in ranges { text += (text.isEmpty ? "" : ", ") + hex(range) }
  return Sentence(text)
}
