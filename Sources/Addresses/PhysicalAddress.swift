/// A position in the machine's physical memory. Guarantee: at most 56 bits, the widest physical address of any paging
/// mode: RISC-V Sv39 to Sv57 have 56 (privileged specification, 12.4), AArch64 with LPA2 and x86-64 have 52.
public struct PhysicalAddress: Address {
  public let value: UInt64
  public static var greatest: UInt64 { (1 << 56) - 1 }
  @inlinable public init(unchecked value: UInt64) { self.value = value }
}
