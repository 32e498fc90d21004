/// A number as the specifications write it: "0x1f1".
func hexadecimal(_ value: some FixedWidthInteger & UnsignedInteger) -> String { hexadecimal(UInt64(value)) }

@inline(never) func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
