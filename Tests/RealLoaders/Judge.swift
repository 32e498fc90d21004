public import Placement
public import TestSupport

/// A real loader, and the images that the model of it is held to.
public protocol Judge: Sendable {
  associatedtype Image: Shrinkable & Sendable

  /// "QEMU 7.2, PVH".
  var name: String { get }
  /// The models that it judges.
  var loaders: [LoaderName] { get }
  /// How many images are drawn for the whole table, and in `make test`.
  var counts: ImageCounts { get }
  /// How many images one run of the real loader takes.
  var batch: Int { get }
  /// What is missing on this machine to run it: "scripts/fetch-xen was not run"; nil when nothing is.
  var missing: String? { get }
  /// Images with a name: recorded cases and real files.
  var named: [NamedImage<Image>] { get throws }

  /// The same random numbers give the same image on every machine.
  func draw(_ random: inout SeededGenerator) -> Image
  /// Runs the real loader; one verdict for each image, in order.
  func verdicts(on images: [Image]) throws -> [Verdict]
}

public struct ImageCounts: Hashable, Sendable {
  public var full: Int
  public var quick: Int

  public init(full: Int, quick: Int) {
    self.full = full
    self.quick = quick
  }
}

public struct NamedImage<Image: Sendable>: Sendable {
  public var name: String
  public var image: Image
  /// Whether it belongs to the small part that `make test` runs.
  public var isCheap: Bool

  public init(_ name: String, _ image: Image, isCheap: Bool = true) {
    self.name = name
    self.image = image
    self.isCheap = isCheap
  }
}

/// What a real loader says to a prediction.
public enum Verdict: Hashable, Sendable, Codable {
  case agrees
  /// The real one was not fed with it: the model says what it would do to its machine.
  case notFed(String)
  /// What is different.
  case disagrees(String)
}

extension Judge {
  public var batch: Int { 1 }
  public var missing: String? { nil }
  public var named: [NamedImage<Image>] { [] }
}
