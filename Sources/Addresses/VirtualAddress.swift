/// A position in a virtual address space. Any 64-bit value is representable: whether it is canonical depends on the
/// paging mode, so the width is a parameter of the check (`isCanonical(bits:)`), not of the type.
public struct VirtualAddress: Address {
  public let value: UInt64
  public static var greatest: UInt64 { .max }
  @inlinable public init(unchecked value: UInt64) { self.value = value }
}

extension VirtualAddress {
  /// Whether all bits above `bits - 1` repeat bit `bits - 1` (48 for four levels, 57 for five; Intel SDM vol. 1, 3.3.7.1).
  public func isCanonical(bits: Int) -> Bool {
    let shift = 64 - UInt64(bits)
    return UInt64(bitPattern: Int64(bitPattern: value << shift) >> shift) == value
  }
}
