import Addresses

/// A number as the specifications write it: "0x1f1".
func hexadecimal(_ value: some FixedWidthInteger & UnsignedInteger) -> String { text("\(hex: value)") }
