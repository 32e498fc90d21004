/// One thing that is not as planned.
public struct Difference: Hashable, Sendable {
  public enum Subject: String, Hashable, Sendable {
    /// Bytes of memory.
    case bytes
    /// A planned byte lies where the machine has no memory.
    case noMemory
    /// A register of the entry state.
    case register
    /// Planned, not mapped.
    case missingMapping
    /// Mapped, not planned.
    case extraMapping
    /// Mapped to another physical address.
    case physicalAddress
    /// Mapped with other rights.
    case rights
    /// Mapped with another memory type.
    case cachePolicy
    /// Mapped by larger pages than the plan allows.
    case pageSize
    /// An entry that the processor cannot follow.
    case tableEntry
    /// QEMU's walker finds something else.
    case otherWalker
  }

  public let subject: Subject
  /// The register's name, or the range of addresses.
  public let place: String
  /// Whose bytes or mapping it is; empty for registers and for what nobody planned.
  public let owner: String
  public let expected: String
  public let found: String
}
