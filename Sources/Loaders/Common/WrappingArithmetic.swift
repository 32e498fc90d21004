extension UInt64 {
  /// The next multiple of a power of two, modulo 2⁶⁴, as the loaders' own unsigned arithmetic has it.
  func roundedUp(to alignment: UInt64) -> UInt64 { (self &+ (alignment &- 1)) & ~(alignment &- 1) }
}
