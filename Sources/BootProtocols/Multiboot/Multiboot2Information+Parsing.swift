import AddressSpace
public import Addresses
public import KernelImage

extension Multiboot2Information {
  /// Reads the structure. Nothing in `bytes` is trusted; those behind total_size are not looked at.
  ///
  /// - Throws: ``ParseError`` naming the first field that contradicts the layout, with its offset in the structure.
  public init(parsing bytes: RawSpan) throws(ParseError) {
    let size = try bytes.read(UInt32.self, at: 0, field: "total_size")
    self.size = try Self.checked(size: size)
    guard bytes.holds(UInt64(size), at: 0) else {
      throw ParseError(
        .truncated, field: "total_size", at: 0, found: UInt64(bytes.byteCount), allowed: .atLeast(UInt64(size)))
    }
    var structure: [UInt8] = []
    for offset in 0..<UInt64(size) {
      structure.add(try bytes.read(UInt8.self, at: offset, field: "boot information"))
    }
    try readTags(structure)
  }

  /// Reads the structure from the memory of the machine.
  public init(at address: PhysicalAddress, in memory: some BootMemory) throws(ParseError) {
    let information = BootStructure(at: address, in: memory)
    size = try Self.checked(size: try information.word(at: 0, "total_size"))
    var structure: [UInt8] = []
    for offset in 0..<size.value { structure.add(try information.byte(at: offset, "boot information")) }
    try readTags(structure)
  }

  /// A header of 8 bytes and an end tag of 8 are the least.
  private static func checked(size: UInt32) throws(ParseError) -> ByteCount {
    guard size >= 16 else {
      throw ParseError(.invalidValue, field: "total_size", at: 0, found: UInt64(size), allowed: .atLeast(16))
    }
    guard UInt64(size) <= largestSize.value else {
      throw ParseError(
        .tooMany, field: "total_size", at: 0, found: UInt64(size), allowed: .atMost(largestSize.value))
    }
    return ByteCount(UInt64(size))
  }

  @inline(never) private mutating func readTags(_ structure: [UInt8]) throws(ParseError) {
    var tag = try Tag(at: 8, structure)
    while tag.type != .end {
      try read(tag)
      tag = try Tag(at: tag.next, structure)
    }
  }

  private mutating func read(_ tag: Tag) throws(ParseError) {
    switch tag.type {
    case .commandLine:
      try tag.mustBeFirst(commandLine == nil)
      commandLine = try tag.string(at: 8, BootEntryName(), "command line")
    case .bootLoaderName:
      try tag.mustBeFirst(bootLoaderName == nil)
      bootLoaderName = try tag.string(at: 8, BootEntryName(), "boot loader name")
    case .module: try readModule(tag)
    case .basicMemory: try readBasicMemory(tag)
    case .memoryMap:
      try tag.mustBeFirst(memoryMap == nil)
      memoryMap = try tag.memoryMap()
    case .oldRSDP:
      try tag.mustBeFirst(oldRSDP == nil)
      oldRSDP = try tag.content(atLeast: 20)
    case .newRSDP:
      try tag.mustBeFirst(newRSDP == nil)
      newRSDP = try tag.content(atLeast: 36)
    case .loadBase:
      try tag.mustBeFirst(loadBase == nil)
      _ = try tag.content(atLeast: 4)
      loadBase = PhysicalAddress(unchecked: tag.word(at: 8))
    default: break
    }
  }

  /// {u32 mod_start, u32 mod_end, string}
  @inline(never) private mutating func readModule(_ tag: Tag) throws(ParseError) {
    let name = BootEntryName(table: "module", index: UInt64(modules.count))
    guard name.index < BootEnvironment.moduleLimit else {
      throw ParseError(
        .tooMany, field: "module \(name.index)", at: tag.offset, found: name.index + 1,
        allowed: .atMost(BootEnvironment.moduleLimit))
    }
    _ = try tag.content(atLeast: 9)
    let start = tag.word(at: 8)
    let end = tag.word(at: 12)
    guard
      let range = PhysicalRange(from: PhysicalAddress(unchecked: start), to: PhysicalAddress(unchecked: end))
    else {
      throw ParseError(
        .invalidValue, field: name.field("mod_end"), at: tag.offset + 12, found: end, allowed: .atLeast(start))
    }
    modules.add(.init(physical: range, string: try tag.string(at: 16, name, "string")))
  }

  /// {u32 mem_lower, u32 mem_upper}, in KiB
  private mutating func readBasicMemory(_ tag: Tag) throws(ParseError) {
    try tag.mustBeFirst(basicMemory == nil)
    _ = try tag.content(atLeast: 8)
    basicMemory = BasicMemory(
      lower: .kibibytes(tag.word(at: 8)),
      upper: .kibibytes(tag.word(at: 12)))
  }
}
