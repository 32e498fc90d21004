import Addresses
public import KernelImage

extension InspectReport {
  /// Every field of the setup header that the image's protocol version defines.
  public static func setup(of image: BzImage) -> Section {
    let columns: [Grid.Column] = [
      .init("offset", "offset"),
      .init("name", "field"),
      .init("size", "size"),
      .init("value", "value"),
      .init("meaning", "meaning"),
      .init("direction", "", for: .programs),
      .init("since", "", for: .programs),
    ]
    let rows = image.setup.fields.map(row)
    let title = "Setup header, protocol \(image.setup.versionText)"
    return Section("setup", title: title, .grid(Grid(columns, rows: rows)))
  }

  private static func row(_ decoded: SetupHeader.DecodedField) -> [Value] {
    let since = decoded.field.minimumVersion
    return [
      .address(decoded.field.offset), .text(decoded.field.name), .size(decoded.size),
      .address(decoded.value), decoded.meaning.isEmpty ? .none : .text(decoded.meaning),
      .text(decoded.field.direction.name), since == 0 ? .none : .text(protocolVersion(since)),
    ]
  }

  private static func protocolVersion(_ version: UInt16) -> String {
    let minor = version & 0xff
    return "\(version >> 8).\(minor < 10 ? "0" : "")\(minor)"
  }

  /// The parts of the image file.
  public static func layout(of image: BzImage) -> Section {
    let info = image.kernelInfo
    return Section(
      "layout", title: "Parts of the bzImage",
      .facts([
        Fact("realMode", "setup code", sized(image.realModeRange)),
        Fact("setupHeader", "setup header", sized(image.setup.headerRange)),
        Fact("protectedMode", "protected-mode code", sized(image.protectedModeRange)),
        Fact("payload", "payload", .optional(image.payloadRange.map(sized))),
        Fact("kernelInfo", "kernel_info", .optional(info.map { sized($0.range) })),
        Fact(
          "setupTypeMax", "largest setup_data type", .optional(info.map { .address(UInt64($0.setupTypeMax)) })),
      ]))
  }

  private static func sized(_ range: FileRange) -> Value { .noted(.range(range), Size.human(range.count.value)) }

  /// Linux's relocation table behind the unpacked `vmlinux`.
  public static func relocationTable(_ table: RelocationTable) -> Section {
    let columns: [Grid.Column] = [
      .init("list", "list"), .init("count", "entries"), .init("range", "payload bytes"),
    ]
    let lists: [(String, FileRange)] =
      switch table.layout {
      case .threeLists:
        [("64-bit", table.entries64), ("inverse 32-bit", table.entriesInverse32), ("32-bit", table.entries32)]
      case .twoLists: [("64-bit", table.entries64), ("32-bit", table.entries32)]
      case .oneList: [("32-bit", table.entries32)]
      }
    let rows: [[Value]] = lists.map { [.text($0.0), .count(RelocationTable.count($0.1)), .range($0.1)] }
    return Section(
      "relocationTable", title: "Linux relocation table, \(table.layout.text)", .grid(Grid(columns, rows: rows)))
  }
}

extension RelocationTable.Layout {
  fileprivate var text: String {
    switch self {
    case .threeLists: "three lists (x86-64 before 6.15)"
    case .twoLists: "two lists (x86-64 since 6.15)"
    case .oneList: "one list (i386)"
    }
  }
}

extension SetupField.Direction {
  fileprivate var name: String {
    switch self {
    case .read: "read"
    case .write: "write"
    case .modify: "modify"
    case .unused: "unused"
    }
  }
}
