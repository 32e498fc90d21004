import AddressSpace
import Addresses
import ArgumentParser
import BootProtocols
import Placement
import Reporting

/// What a loader without firmware finds: memory that holds something already, and what the processor can do.
struct BareOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The kernel's file lies in memory there already.", valueName: "address"))
  var imageAt: NumberArgument?

  @Option(
    help: ArgumentHelp(
      "A module, or the initrd, lies in memory there already; once for each, in their order.", valueName: "address"))
  var moduleAt: [NumberArgument] = []

  @Option(
    help: ArgumentHelp(
      "Usable memory that is taken: half-open, may be repeated.", valueName: "start-end[:name]"))
  var occupied: [OccupiedArgument] = []

  @Flag(help: "Five levels of page tables; the processor needs LA57.")
  var fiveLevel = false

  @Option(help: ArgumentHelp("What to turn on in CR4: smep, smap, umip, pge; between commas.", valueName: "names"))
  var cpu: ProcessorArgument?

  /// Those that were given, as a person writes them.
  var given: [String] { resident + [("--five-level", fiveLevel), ("--cpu", cpu != nil)].filter(\.1).map(\.0) }

  /// Those that describe memory as another program left it.
  var resident: [String] {
    [("--image-at", imageAt != nil), ("--module-at", !moduleAt.isEmpty), ("--occupied", !occupied.isEmpty)]
      .filter(\.1).map(\.0)
  }

  /// Completes a request that has its modules.
  func apply(to request: inout PlanRequest) throws(Failure) {
    if let imageAt { request.imagePlace = try PhysicalAddress(imageAt.value, of: "--image-at") }
    guard moduleAt.count <= request.modules.count else {
      throw Failure(
        PlanError(
          .badRequest,
          "--module-at is given \(moduleAt.count) times, and there are \(request.modules.count) modules"),
        path: "--module-at")
    }
    for (index, place) in moduleAt.enumerated() {
      request.modules[index].place = try PhysicalAddress(place.value, of: "--module-at")
    }
    for (index, occupied) in occupied.enumerated() {
      let start = try PhysicalAddress(occupied.start, of: "--occupied")
      _ = try PhysicalAddress(occupied.end, of: "--occupied")
      request.occupied.append(
        .init(
          name: occupied.name ?? "occupied range \(index)",
          range: PhysicalRange(uncheckedStart: start, count: ByteCount(occupied.end - occupied.start))))
    }
    request.processor = cpu?.features ?? []
    if fiveLevel { request.processor.insert(.fiveLevelPaging) }
  }
}

extension PhysicalAddress {
  /// An address that an option gives.
  init(_ value: UInt64, of option: String) throws(Failure) {
    guard value <= PagingMode.x86_64FourLevel.greatestPhysicalAddress else {
      throw Failure(
        PlanError(.badRequest, "\(option) \(Hex.string(value)) exceeds 52-bit physical memory"), path: option)
    }
    self.init(unchecked: value)
  }
}

/// Memory that is taken, and by what: `START-END` or `START-END:NAME`, half-open.
struct OccupiedArgument: ExpressibleByArgument, Equatable {
  let start: UInt64
  let end: UInt64
  let name: String?

  init?(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let bounds = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard bounds.count == 2, let start = parseInteger(bounds[0]), let end = parseInteger(bounds[1]), start < end else {
      return nil
    }
    self.start = start
    self.end = end
    name = parts.count == 2 && !parts[1].isEmpty ? String(parts[1]) : nil
  }
}

/// Features of the processor, between commas.
struct ProcessorArgument: ExpressibleByArgument, Equatable {
  let features: ProcessorFeatures

  init?(argument: String) {
    var features: ProcessorFeatures = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      switch name {
      case "smep": features.insert(.smep)
      case "smap": features.insert(.smap)
      case "umip": features.insert(.umip)
      case "pge": features.insert(.globalPages)
      default: return nil
      }
    }
    self.features = features
  }
}
