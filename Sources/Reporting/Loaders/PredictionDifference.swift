/// One thing about which two loaders disagree.
public struct PredictionDifference: Sendable {
  public enum Field: String, Sendable {
    /// Whether it is loaded at all. Words may differ: a no is a no.
    case verdict
    /// Which bytes are read at all: those of the file, or those of its unpacked payload.
    case source
    /// Where bytes of the image end up.
    case bytes
    /// Whether memory is cleared.
    case zeroFill
    /// Where a module ends up.
    case module
    case mode, address, register
  }

  public var field: Field
  /// The bytes of the file, the physical memory, the module, the register; none where the field says it all.
  public var subject: Value
  public var first: Value
  public var second: Value
}
