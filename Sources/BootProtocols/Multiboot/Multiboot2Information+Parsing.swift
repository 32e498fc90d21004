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
    let structure = bytes.extracting(0..<Int(size))
    var tag = try Tag(at: 8, structure)
    while tag.type != .end {
      try read(tag, structure)
      tag = try Tag(at: tag.next, structure)
    }
  }

  /// Reads the structure from the memory of the machine.
  @inline(never) public init(at address: PhysicalAddress, in memory: some BootMemory) throws(ParseError) {
    let structure = BootStructure(at: address, in: memory)
    let size = try Self.checked(size: try structure.word(at: 0, "total_size"))
    var bytes: [UInt8] = []
    for offset in 0..<size.value { bytes.append(try structure.byte(at: offset, "boot information")) }
    self = try bytes.withRawSpan { bytes throws(ParseError) in try Multiboot2Information(parsing: bytes) }
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

  private mutating func read(_ tag: Tag, _ bytes: RawSpan) throws(ParseError) {
    switch tag.type {
    case .commandLine:
      try tag.mustBeFirst(commandLine == nil)
      commandLine = try tag.string(at: 8, BootEntryName(), "command line", bytes)
    case .bootLoaderName:
      try tag.mustBeFirst(bootLoaderName == nil)
      bootLoaderName = try tag.string(at: 8, BootEntryName(), "boot loader name", bytes)
    case .module: try readModule(tag, bytes)
    case .basicMemory: try readBasicMemory(tag, bytes)
    case .memoryMap:
      try tag.mustBeFirst(memoryMap == nil)
      memoryMap = try tag.memoryMap(bytes)
    case .oldRSDP:
      try tag.mustBeFirst(oldRSDP == nil)
      oldRSDP = try tag.content(atLeast: 20)
    case .newRSDP:
      try tag.mustBeFirst(newRSDP == nil)
      newRSDP = try tag.content(atLeast: 36)
    case .loadBase:
      try tag.mustBeFirst(loadBase == nil)
      _ = try tag.content(atLeast: 4)
      loadBase = PhysicalAddress(unchecked: try tag.word(at: 8, bytes))
    default: break
    }
  }

  /// {u32 mod_start, u32 mod_end, string}
  @inline(never) private mutating func readModule(_ tag: Tag, _ bytes: RawSpan) throws(ParseError) {
    let name = BootEntryName(table: "module", index: UInt64(modules.count))
    guard name.index < BootEnvironment.moduleLimit else {
      throw ParseError(
        .tooMany, field: "module \(name.index)", at: tag.offset, found: name.index + 1,
        allowed: .atMost(BootEnvironment.moduleLimit))
    }
    _ = try tag.content(atLeast: 9)
    let start = try tag.word(at: 8, bytes)
    let end = try tag.word(at: 12, bytes)
    guard
      let range = PhysicalRange(from: PhysicalAddress(unchecked: start), to: PhysicalAddress(unchecked: end))
    else {
      throw ParseError(
        .invalidValue, field: name.field("mod_end"), at: tag.offset + 12, found: end, allowed: .atLeast(start))
    }
    modules.append(.init(physical: range, string: try tag.string(at: 16, name, "string", bytes)))
  }

  /// {u32 mem_lower, u32 mem_upper}, in KiB
  private mutating func readBasicMemory(_ tag: Tag, _ bytes: RawSpan) throws(ParseError) {
    try tag.mustBeFirst(basicMemory == nil)
    _ = try tag.content(atLeast: 8)
    basicMemory = BasicMemory(
      lower: .kibibytes(try tag.word(at: 8, bytes)),
      upper: .kibibytes(try tag.word(at: 12, bytes)))
  }
}
