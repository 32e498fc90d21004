/// What of the judges' images is run, and how.
public struct AgreementOptions: Sendable {
  /// How many images each judge draws; nil leaves it to the judge.
  public var images: UInt64?
  /// The small part: fewer drawn images, and only the named ones that are cheap.
  public var isQuick = false
  /// Images are drawn from this seed and those after it.
  public var firstSeed: UInt64 = 0
  /// Only judges whose name holds one of these; all where there is none.
  public var names: [String] = []
  /// How many judges run side by side.
  public var jobs = 1
  /// Whether a judge that cannot run is a failure.
  public var mustRun = false

  public init() {}

  func takes(_ name: String) -> Bool { names.isEmpty || names.contains { name.lowercased().contains($0.lowercased()) } }

  func seeds(_ counts: ImageCounts) -> Range<UInt64> {
    let count = images ?? UInt64(isQuick ? counts.quick : counts.full)
    return firstSeed..<firstSeed.addingReportingOverflow(count).partialValue
  }
}
