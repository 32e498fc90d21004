/// The signed distance from link addresses to the virtual addresses they run at, modulo 2⁶⁴.
public struct Slide: Hashable, Sendable {
  public let value: Int64

  public init(_ value: Int64) { self.value = value }

  /// The slide that moves `link` to `virtual`.
  public init(from link: LinkAddress, to virtual: VirtualAddress) {
    value = Int64(bitPattern: virtual.value &- link.value)
  }

  public static var none: Slide { Slide(0) }

  /// Where an address that the linker wrote is found at run time.
  public func apply(to link: LinkAddress) -> VirtualAddress {
    VirtualAddress(unchecked: link.value &+ UInt64(bitPattern: value))
  }
}
