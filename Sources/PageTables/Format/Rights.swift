/// What a whole walk grants, to each privilege, by the rules of the mode and the control bits it runs under. Unlike
/// `Access` it can be writable and executable at once: live tables can be.
public struct EffectiveRights: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Ring 0 to 2, EL1, S-mode.
  @inlinable public static var supervisorRead: EffectiveRights { EffectiveRights(rawValue: 1) }
  @inlinable public static var supervisorWrite: EffectiveRights { EffectiveRights(rawValue: 2) }
  @inlinable public static var supervisorExecute: EffectiveRights { EffectiveRights(rawValue: 4) }
  /// Ring 3, EL0, U-mode.
  @inlinable public static var userRead: EffectiveRights { EffectiveRights(rawValue: 8) }
  @inlinable public static var userWrite: EffectiveRights { EffectiveRights(rawValue: 16) }
  @inlinable public static var userExecute: EffectiveRights { EffectiveRights(rawValue: 32) }

  /// Whether anybody may write.
  public var isWritable: Bool { !isDisjoint(with: [.supervisorWrite, .userWrite]) }
  /// Whether anybody may execute.
  public var isExecutable: Bool { !isDisjoint(with: [.supervisorExecute, .userExecute]) }
  /// Whether unprivileged programs may do anything.
  public var isUser: Bool { !isDisjoint(with: [.userRead, .userWrite, .userExecute]) }

  /// Whether one privilege may both write and execute, or one may write what the other executes.
  public var isWritableAndExecutable: Bool { isWritable && isExecutable }
}

/// What table entries take away from everything below them.
public struct Restrictions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var noWrite: Restrictions { Restrictions(rawValue: 1) }
  @inlinable public static var noUser: Restrictions { Restrictions(rawValue: 2) }
  @inlinable public static var noSupervisorExecute: Restrictions { Restrictions(rawValue: 4) }
  @inlinable public static var noUserExecute: Restrictions { Restrictions(rawValue: 8) }
}

/// A mode's own number of a memory type: PAT index (PAT<<2 | PCD<<1 | PWT), AttrIndx or PBMT.
public struct MemoryTypeIndex: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// What a leaf says besides place and rights.
public struct PageAttributes: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable
  public init(
    memoryType: UInt8, isGlobal: Bool = false, isContiguous: Bool = false, shareability: UInt8 = 0,
    protectionKey: UInt8 = 0
  ) {
    rawValue =
      UInt32(memoryType) | UInt32(shareability) << 8 | UInt32(protectionKey) << 16 | (isGlobal ? 1 << 24 : 0)
      | (isContiguous ? 1 << 25 : 0)
  }

  public var memoryType: MemoryTypeIndex { MemoryTypeIndex(rawValue: UInt8(truncatingIfNeeded: rawValue)) }
  /// AArch64 SH: 0 none, 2 outer, 3 inner; 0 elsewhere.
  public var shareability: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 8) }
  /// x86-64 bits 62:59; they count under CR4.PKE or PKS only, and take no part in ``EffectiveRights``.
  public var protectionKey: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 16) }
  /// The translation holds in every address space.
  public var isGlobal: Bool { rawValue & 1 << 24 != 0 }
  /// The entry belongs to a group that a TLB may hold as one: AArch64's contiguous hint, RISC-V's Svnapot.
  public var isContiguous: Bool { rawValue & 1 << 25 != 0 }
}

extension EffectiveRights: CustomStringConvertible {
  /// "rw-", and where unprivileged programs may do anything, what they may: "r--, user r-x".
  public var description: String {
    let user = EffectiveRights(rawValue: rawValue >> 3).letters
    return isUser ? letters + ", user " + user : letters
  }

  /// The supervisor's three.
  private var letters: String {
    (contains(.supervisorRead) ? "r" : "-") + (contains(.supervisorWrite) ? "w" : "-")
      + (contains(.supervisorExecute) ? "x" : "-")
  }
}
