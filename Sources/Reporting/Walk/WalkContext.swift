import AddressSpace
public import Addresses
public import PageTables

/// What a walk started from, for its report.
public struct WalkContext: Sendable {
  /// One piece of memory and the file that holds it.
  public struct Piece: Sendable {
    public var path: String
    public var physical: PhysicalRange
    public var fileOffset: FileOffset

    public init(path: String, physical: PhysicalRange, fileOffset: FileOffset) {
      self.path = path
      self.physical = physical
      self.fileOffset = fileOffset
    }
  }

  /// A control bit that the meaning of entries depends on.
  public struct Setting: Sendable {
    /// "EFER.NXE".
    public var name: String
    public var value: UInt64
    /// Whether nobody said so.
    public var isAssumed: Bool

    public init(_ name: String, _ value: UInt64, isAssumed: Bool) {
      self.name = name
      self.value = value
      self.isAssumed = isAssumed
    }
  }

  /// The tables that one register points to.
  public struct Root: Sendable {
    /// "CR3", "TTBR1_EL1", "satp".
    public var register: String
    /// As the register holds it, flags included.
    public var value: UInt64
    public var address: PhysicalAddress
    public var format: PagingFormat

    public init(register: String, value: UInt64, address: PhysicalAddress, format: PagingFormat) {
      self.register = register
      self.value = value
      self.address = address
      self.format = format
    }
  }

  public var pieces: [Piece]
  public var roots: [Root]
  public var settings: [Setting]
  public var memoryTypes: MemoryTypeNames
  /// What else a reader should know of the source: "TTBR0_EL1: walks are disabled".
  public var remarks: [String]

  public init(
    pieces: [Piece], roots: [Root], settings: [Setting], memoryTypes: MemoryTypeNames, remarks: [String] = []
  ) {
    self.pieces = pieces
    self.roots = roots
    self.settings = settings
    self.memoryTypes = memoryTypes
    self.remarks = remarks
  }
}

extension WalkContext {
  /// The sections that say what was walked.
  var sections: [Section] {
    let bytes = pieces.reduce(UInt64(0)) { $0 &+ $1.physical.count.value }
    let size = "\(Size.human(bytes)) in \(pieces.count) \(pieces.count == 1 ? "piece" : "pieces")"
    var facts = [Fact("memory", "memory", .text(size), for: .people)]
    for root in roots {
      facts.append(
        Fact(
          root.register, root.register, .noted(.address(root.value), root.format.mode.title), for: .people))
    }
    facts.append(Fact("settings", "read under", .text(settings.map(\.text).joined(separator: ", ")), for: .people))
    return [
      Section("source", title: "Source", .facts(facts), notes: remarks, for: .people),
      Section("memory", title: "Memory", .grid(pieceGrid), for: .programs),
      Section("roots", title: "Roots", .grid(rootGrid), for: .programs),
      Section("settings", title: "Settings", .grid(settingGrid), for: .programs),
    ]
  }

  private var pieceGrid: Grid {
    Grid(
      [.init("path", ""), .init("physical", ""), .init("fileOffset", "")],
      rows: pieces.map { [.text($0.path), .range($0.physical), .address($0.fileOffset)] })
  }

  private var rootGrid: Grid {
    let columns: [Grid.Column] = [
      .init("register", ""), .init("value", ""), .init("address", ""), .init("mode", ""), .init("virtualBits", ""),
      .init("smallestPage", ""), .init("levels", ""),
    ]
    return Grid(
      columns,
      rows: roots.map { root in
        let mode = root.format.mode
        return [
          .text(root.register), .address(root.value), .address(root.address), .text(mode.identifier),
          .count(mode.virtualBits), .size(mode.smallestPage.byteCount), .list(mode.levelNames.map { .text($0) }),
        ]
      })
  }

  private var settingGrid: Grid {
    Grid(
      [.init("name", ""), .init("value", ""), .init("assumed", "")],
      rows: settings.map { [.text($0.name), .address($0.value), .flag($0.isAssumed)] })
  }
}

extension WalkContext.Setting {
  fileprivate var text: String {
    let number = value < 10 ? String(value) : Hex.string(value)
    return "\(name) \(number)\(isAssumed ? " (assumed)" : "")"
  }
}
