/// What a machine was compared in, and where it differs from the plan.
public struct VerificationReport: Hashable, Sendable {
  /// How many differences are kept.
  public static let keptDifferences = 32

  /// Bytes of memory that were compared.
  public internal(set) var bytesCompared: UInt64 = 0
  /// Pages that the live tables map and the plan has an opinion of, each counted once whatever its size.
  public internal(set) var pagesCompared: UInt64 = 0
  /// Registers that were compared.
  public internal(set) var registersCompared = 0
  /// Addresses that QEMU's own walker was asked for.
  public internal(set) var addressesAsked = 0
  /// The first differences, in the order of the comparison.
  public private(set) var differences: [Difference] = []
  /// How many there are: a run of differing bytes within a 4 KiB page is one, and so is a run of pages that differ
  /// alike.
  public private(set) var differenceCount = 0

  public init() {}

  /// Whether everything that was compared is as planned.
  public var isAsPlanned: Bool { differenceCount == 0 }

  mutating func note(
    _ subject: Difference.Subject, at place: String, owner: String = "", expected: String, found: String
  ) {
    differenceCount += 1
    guard differences.count < Self.keptDifferences else { return }
    differences.append(
      Difference(subject: subject, place: place, owner: owner, expected: expected, found: found))
  }
}
