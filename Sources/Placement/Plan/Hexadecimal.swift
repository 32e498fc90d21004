package import Addresses

/// `0x` and lower-case digits, as every message of Perch spells an address.
package func hex(_ value: some FixedWidthInteger & UnsignedInteger) -> String { text("\(hex: value)") }

package func hex(_ address: some Address) -> String { hex(address.value) }

package func hex(_ count: ByteCount) -> String { hex(count.value) }

/// A half-open range: `[0x1000000, 0x3c00000)`.
package func hex<Position: Address>(_ range: AddressRange<Position>) -> String { text("\(hex: range)") }

/// "0x1000-0x2000, 0x4000-0x5000".
@inline(never) func rangeList(_ ranges: [PhysicalRange]) -> Sentence {
  var list: Sentence = ""
  for (index, range) in ranges.enumerated() { list += "\(index == 0 ? "" : ", ")\(hex: range)" }
  return list
}
