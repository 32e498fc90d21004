/// What a whole walk grants. Unlike `Access` it can be writable and executable at once: live tables can be.
public struct EffectiveRights: Hashable, Sendable {
  /// R/W is set at every level.
  public var isWritable: Bool
  /// NX is set at no level.
  public var isExecutable: Bool
  /// U/S is set at every level.
  public var isUser: Bool

  public init(isWritable: Bool, isExecutable: Bool, isUser: Bool) {
    self.isWritable = isWritable
    self.isExecutable = isExecutable
    self.isUser = isUser
  }

  /// Where a walk starts: every level can only take rights away.
  public static var all: EffectiveRights {
    EffectiveRights(isWritable: true, isExecutable: true, isUser: true)
  }

  /// The rights that remain below `entry` (Intel SDM vol. 3A, 4.6.1).
  public func narrowed(by entry: X86_64Entry) -> EffectiveRights {
    EffectiveRights(
      isWritable: isWritable && entry.isWritable, isExecutable: isExecutable && !entry.isNoExecute,
      isUser: isUser && entry.isUser)
  }
}
