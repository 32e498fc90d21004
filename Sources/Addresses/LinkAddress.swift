/// What the linker said: an address as an image holds it, before anything moved. It becomes virtual only through a
/// `Slide`.
public struct LinkAddress: Address {
  public let value: UInt64
  public static var greatest: UInt64 { .max }
  public init(unchecked value: UInt64) { self.value = value }
}
