import AddressSpace
import Addresses

/// The memory that is taken before anything is placed: what a request says is occupied, modules that stay, and the
/// image's file.
struct TakenMemory {
  /// How messages call the file.
  static let imageName = "the image's file"

  /// In ascending order; no two overlap.
  private(set) var ranges: [PlanRequest.Occupied] = []
  /// The image's file; nil where it does not lie in memory.
  private(set) var image: PhysicalRange?
  /// All but the image's file.
  private(set) var others: [PhysicalRange] = []

  /// - Parameter imageSize: the size of the image's file.
  /// - Throws: ``PlanError`` for a range that is not all usable memory, and for two that overlap.
  init(_ request: borrowing PlanRequest, imageSize: ByteCount) throws(PlanError) {
    for occupied in request.occupied {
      try add(occupied.name, occupied.range.start, occupied.range.count, request.machine)
    }
    for module in request.modules {
      if let place = module.place { try add(module.name, place, module.size, request.machine) }
    }
    for taken in ranges { others.add(taken.range) }
    if let place = request.imagePlace {
      try add(Self.imageName, place, imageSize, request.machine)
      if ranges.count > others.count { image = ranges[others.count].range }
    }
    ranges = ranges.ordered { $0.range.start.value }
    for index in ranges.indices.dropFirst() { try Self.check(ranges[index - 1], ranges[index]) }
  }

  private static func check(
    _ low: borrowing PlanRequest.Occupied, _ high: borrowing PlanRequest.Occupied
  ) throws(PlanError) {
    guard low.range.overlaps(high.range) else { return }
    throw PlanError(
      .overlap,
      "\(low.name) at \(hex: low.range) overlaps \(high.name) at \(hex: high.range): both lie in memory already")
  }

  private mutating func add(
    _ name: String, _ start: PhysicalAddress, _ count: ByteCount, _ machine: MemoryMap
  ) throws(PlanError) {
    guard count > .zero else { return }
    guard let range = PhysicalRange(start: start, count: count), machine.isUsable(range) else {
      throw PlanError(
        .notUsable, "\(name) at [\(hex: start), \(hex: start.value &+ count.value)) is not all usable memory",
        help: "usable: " + rangeList(machine.usable))
    }
    ranges.add(.init(name: name, range: range))
  }

  /// The first that shares a byte with a range.
  func first(overlapping range: PhysicalRange) -> PlanRequest.Occupied? { ranges.first { $0.range.overlaps(range) } }

  /// What was said of each, as decisions.
  func decisions(_ request: borrowing PlanRequest) -> [Decision] {
    var decisions: [Decision] = []
    for occupied in request.occupied {
      decisions.add(
        Decision(
          "occupied memory", choice: "nothing in \(hex: occupied.range)",
          because: "\(occupied.name) lies there until the kernel runs"))
    }
    for module in request.modules {
      guard let place = module.place else { continue }
      decisions.add(
        Decision(
          "\(module.name)", choice: "stays at \(hex: PhysicalRange(uncheckedStart: place, count: module.size))",
          because: "it lies in memory already"))
    }
    return decisions
  }
}
