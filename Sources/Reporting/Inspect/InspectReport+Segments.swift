import Addresses
public import KernelImage

extension InspectReport {
  /// The program header table, as `readelf -lW` has it, and the sections of each segment.
  public static func segments(of elf: ELFFile, in bytes: RawSpan) -> Section {
    let map = SegmentMap(elf).sections
    var rows: [[Value]] = []
    for segment in elf.programHeaders {
      var names: [String] = []
      for index in map?[segment.index] ?? [] { names.append(name(of: elf.sectionHeaders[index], of: elf, in: bytes)) }
      rows.append(row(segment, sections: names))
    }
    var notes = map == nil ? ["too many segments and sections to say which section lies in which segment"] : []
    for segment in elf.loadSegments where segment.flags.isSuperset(of: [.write, .execute]) {
      notes.append("segment \(segment.index) is writable and executable")
    }
    return Section("segments", title: "Program headers", .grid(Grid(segmentColumns, rows: rows)), notes: notes)
  }

  /// The section-to-segment map, for people: programs find it in each segment.
  public static func sectionsInSegments(of elf: ELFFile, in bytes: RawSpan) -> Section {
    var facts: [Fact] = []
    for (segment, indices) in zip(elf.programHeaders, SegmentMap(elf).sections ?? []) where !indices.isEmpty {
      let names = indices.map { name(of: elf.sectionHeaders[$0], of: elf, in: bytes) }
      facts.append(
        Fact(
          "\(segment.index)", "\(segment.index) \(segment.type.name)", .text(names.joined(separator: " ")),
          for: .people))
    }
    return Section("segments", title: "Sections in segments", .facts(facts), for: .people)
  }

  private static let segmentColumns: [Grid.Column] = [
    .init("index", "#"),
    .init("type", "type"),
    .init("typeNumber", "", for: .programs),
    .init("flags", "flags"),
    .init("flagsNumber", "", for: .programs),
    .init("file", "file bytes"),
    .init("virtualAddress", "virtual"),
    .init("physicalAddress", "physical"),
    .init("memorySize", "", for: .programs),
    .init("memory", "in memory", for: .people),
    .init("alignment", "align"),
    .init("sections", "", for: .programs),
  ]

  private static func row(_ segment: ProgramHeader, sections: [String]) -> [Value] {
    [
      .count(segment.index), .text(segment.type.name), .address(UInt64(segment.type.rawValue)),
      letters(segment.flags), .address(UInt64(segment.flags.rawValue)), .range(segment.fileRange),
      .address(segment.virtualAddress), .address(segment.physicalAddress), .size(segment.memorySize),
      .hexSize(segment.memorySize.value), .address(segment.alignment), .list(sections.map { .text($0) }),
    ]
  }

  private static func letters(_ flags: SegmentFlags) -> Value {
    let known: [(SegmentFlags, String)] = [(.read, "r"), (.write, "w"), (.execute, "x")]
    let text = known.map { flags.contains($0.0) ? $0.1 : "-" }.joined()
    return .painted(.text(text), flags.isSuperset(of: [.write, .execute]) ? .error : .note)
  }
}
