import Addresses
public import KernelImage

extension InspectReport {
  /// The facts that matter most, as one section.
  public static func image(_ facts: [Fact]) -> Section { Section("image", title: "Image", .facts(facts)) }

  /// What a bzImage says about itself.
  public static func facts(of image: BzImage) -> [Fact] {
    let setup = image.setup
    let minimum = setup.minimumAlignmentShift.flatMap { $0 < 64 ? UInt64(1) << UInt64($0) : nil }
    return [
      Fact("version", "version", .optional(setup.kernelVersion.map { .text($0) })),
      Fact("protocol", "boot protocol", .text(setup.versionText)),
      Fact(
        "codec", "payload",
        .optional(image.payloadRange.map { payload(image.payloadCodec, $0, image.declaredPayloadSize) })),
      Fact("preferredAddress", "prefers to be at", .optional(setup.preferredAddress.map { .address($0) })),
      Fact("initSize", "needs from there", .optional(setup.initSize.map { .hexSize(UInt64($0)) })),
      Fact(
        "relocatable", "relocatable",
        .spelled(
          text: setup.isRelocatable ? "yes, " + alignments(setup.kernelAlignment.map(UInt64.init), minimum) : "no",
          json: .bool(setup.isRelocatable))),
    ]
  }

  private static func payload(_ codec: PayloadCodec?, _ range: FileRange, _ declared: ByteCount?) -> Value {
    let name = codec?.name ?? "unknown codec"
    let sizes = [range.count, declared].compactMap { $0.map { Size.human($0.value) } }
    return .spelled(text: "\(name), \(sizes.joined(separator: " to "))", json: .string(name))
  }

  private static func alignments(_ wanted: UInt64?, _ minimum: UInt64?) -> String {
    var parts: [String] = []
    if let wanted { parts.append("to multiples of \(Size.human(wanted))") }
    if let minimum, minimum != wanted { parts.append("at least of \(Size.human(minimum))") }
    return parts.joined(separator: ", ")
  }

  /// What an ELF kernel says about itself.
  ///
  /// - Parameter isPayload: whether it came out of another image, whose own facts stand before these.
  public static func facts(
    of elf: ELFFile, in bytes: RawSpan, relocations: RelocationTable?, isPayload: Bool
  ) -> [Fact] {
    let header = elf.header
    let format = "ELF\(header.class == .bits64 ? 64 : 32) \(header.machine.name) \(header.type.name)"
    return [
      Fact("format", isPayload ? "kernel inside" : "format", .text(format)),
      Fact("linked", "linked at", .optional(linked(elf))),
      Fact("physical", "physical", .optional(physical(elf)), for: isPayload ? .programs : .everyone),
      Fact("entry", "entry", .address(header.entry)),
      Fact("relocations", "relocations", relocationFact(elf, in: bytes, table: relocations)),
      Fact("buildID", "build id", .optional(buildID(elf, in: bytes))),
    ]
  }

  /// The link addresses of the segments that take memory, from the lowest to the highest. Segments at 0 (the old
  /// per-processor area of x86-64 Linux) are offsets and no addresses.
  private static func linked(_ elf: ELFFile) -> Value? {
    let ranges = elf.loadSegments.compactMap(\.linkRange).filter { !$0.isEmpty && $0.start.value != 0 }
    return hull(ranges.map { ($0.start.value, $0.count.value) }, segments: elf.loadSegments.count)
  }

  private static func physical(_ elf: ELFFile) -> Value? {
    hull(
      elf.loadSegments.filter { $0.memorySize != .zero }.map { ($0.physicalAddress, $0.memorySize.value) },
      segments: elf.loadSegments.count)
  }

  private static func hull(_ ranges: [(start: UInt64, count: UInt64)], segments: Int) -> Value? {
    guard let low = ranges.map(\.start).min() else { return nil }
    let last = ranges.map { $0.start &+ ($0.count &- 1) }.max() ?? low
    guard last >= low, last - low < .max else { return nil }
    let count = last - low + 1
    return .noted(
      .range(start: low, count: count), "\(Size.human(count)) in \(segments) segment\(segments == 1 ? "" : "s")")
  }

  private static func relocationFact(_ elf: ELFFile, in bytes: RawSpan, table: RelocationTable?) -> Value {
    if let table {
      let count = [table.entries64, table.entriesInverse32, table.entries32].reduce(UInt64(0)) {
        $0 + RelocationTable.count($1)
      }
      return .spelled(
        text: "\(Decimal.grouped(count)) places in Linux's table",
        json: .members(["kind": .string("linuxTable"), "count": .count(count)]))
    }
    if let tables = try? elf.dynamicRelocations(in: bytes), !tables.rela.isEmpty || !tables.relr.isEmpty {
      let entries = tables.rela.reduce(UInt64(0)) { $0 + $1.count.value / 24 }
      return .spelled(
        text: "\(Decimal.grouped(entries)) RELA entries\(tables.relr.isEmpty ? "" : " and RELR")",
        json: .members(["kind": .string("dynamic"), "count": .count(entries)]))
    }
    return .spelled(
      text: "none: runs only where it was linked", json: .members(["kind": .string("none"), "count": .integer(0)]))
  }

  private static func buildID(_ elf: ELFFile, in bytes: RawSpan) -> Value? {
    guard let notes = try? elf.notes(in: bytes) else { return nil }
    for note in notes where note.isOwned(by: "GNU") && note.type == 3 {
      if let meaning = note.meaning(in: bytes), !meaning.text.isEmpty { return .text(meaning.text) }
    }
    return nil
  }
}
