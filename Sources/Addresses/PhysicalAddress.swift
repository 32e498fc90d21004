/// A position in the machine's physical memory. Guarantee: at most 52 bits, the widest physical address
/// of x86-64 (Intel SDM vol. 3A, 4.1.4), AArch64 with LPA2, and narrower than RISC-V's 56 bits.
public struct PhysicalAddress: Address {
  public let value: UInt64
  public static var greatest: UInt64 { (1 << 52) - 1 }
  public init(unchecked value: UInt64) { self.value = value }
}
