/// A control register that selects no translation, or one that Perch does not know.
public struct RegisterError: Error, Sendable {
  /// As the manual spells them: "TCR_EL1", "TG1".
  public let register: StaticString
  public let field: StaticString
  /// The field alone, not the register.
  public let value: UInt64
  /// What the field may hold, in words.
  public let allowed: StaticString

  public init(_ register: StaticString, _ field: StaticString, _ value: UInt64, allowed: StaticString) {
    self.register = register
    self.field = field
    self.value = value
    self.allowed = allowed
  }
}
