import AddressSpace
import Addresses
public import KernelImage

extension BootInformation {
  /// Reads the structure from memory. Nothing in `bytes` is trusted.
  ///
  /// - Throws: ``ParseError`` naming the first field that contradicts the layout, with its offset in the structure.
  public init(parsing bytes: RawSpan) throws(ParseError) {
    self.init()
    let size = try Self.checkedSize(of: bytes)
    let structure = bytes.extracting(0..<size)
    var room = size - Self.headerByteCount
    try readFacts(structure)
    try readMemoryMap(structure)
    try readMappings(structure, room: &room)
    try readModules(structure, room: &room)
    commandLine = String(decoding: try Self.commandLine(room: &room, structure), as: UTF8.self)
  }

  /// Magic, version and size: the fields that say whether the others mean anything.
  private static func checkedSize(of bytes: RawSpan) throws(ParseError) -> Int {
    let magic = try bytes.read(UInt64.self, at: UInt64(Offset.magic), field: "magic")
    guard magic == Self.magic else {
      throw ParseError(.unrecognised, field: "magic", at: 0, found: magic, allowed: .exactly(Self.magic))
    }
    let version = try bytes.read(UInt32.self, at: UInt64(Offset.version), field: "version")
    guard version == Self.version else {
      throw ParseError(
        .unsupported, field: "version", at: UInt64(Offset.version), found: UInt64(version),
        allowed: .exactly(UInt64(Self.version)))
    }
    let size = try bytes.read(UInt32.self, at: UInt64(Offset.size), field: "size")
    guard size >= UInt32(headerByteCount) else {
      throw ParseError(
        .invalidValue, field: "size", at: UInt64(Offset.size), found: UInt64(size),
        allowed: .atLeast(UInt64(headerByteCount)))
    }
    guard bytes.holds(UInt64(size), at: 0) else {
      throw ParseError(
        .truncated, field: "size", at: UInt64(Offset.size), found: UInt64(size),
        allowed: .atMost(UInt64(bytes.byteCount)))
    }
    return Int(size)
  }

  private mutating func readFacts(_ bytes: RawSpan) throws(ParseError) {
    seed = try Self.word(Offset.seed, "seed", bytes)
    directMapBase = VirtualAddress(unchecked: try Self.word(Offset.directMapBase, "direct_map_base", bytes))
    directMapSize = ByteCount(try Self.word(Offset.directMapSize, "direct_map_size", bytes))
    kernelPhysicalBase = try Self.physical(Offset.kernelPhysicalBase, "kernel_physical_base", bytes)
    kernelVirtualBase = VirtualAddress(
      unchecked: try Self.word(Offset.kernelVirtualBase, "kernel_virtual_base", bytes))
    kernelSize = ByteCount(try Self.word(Offset.kernelSize, "kernel_size", bytes))
    slide = Slide(Int64(bitPattern: try Self.word(Offset.slide, "slide", bytes)))
    stackTop = VirtualAddress(unchecked: try Self.word(Offset.stackTop, "stack_top", bytes))
    stackGuard = VirtualAddress(unchecked: try Self.word(Offset.stackGuard, "stack_guard", bytes))
    physicalAddress = try Self.physical(Offset.physicalAddress, "physical_address", bytes)
  }

  private mutating func readMemoryMap(_ bytes: RawSpan) throws(ParseError) {
    let table = try Self.table(Offset.memoryMap, "memory_map", entry: Self.memoryEntryByteCount, bytes)
    for index in 0..<table.count {
      let offset = table.offset + index * Self.memoryEntryByteCount
      let field: Sentence = "memory_map entry \(index)"
      let range = try Self.physicalRange(offset, field, bytes)
      let kind = try bytes.read(UInt32.self, at: UInt64(offset + 16), field: field + ": kind")
      memoryMap.append(MemoryMap.Entry(range: range, kind: MemoryKind(rawValue: kind)))
    }
  }

  private mutating func readMappings(_ bytes: RawSpan, room: inout Int) throws(ParseError) {
    let table = try Self.table(Offset.mappings, "mappings", entry: Self.mappingByteCount, bytes)
    for index in 0..<table.count {
      let offset = table.offset + index * Self.mappingByteCount
      let field: Sentence = "mappings entry \(index)"
      let start = VirtualAddress(unchecked: try Self.word(offset, field + ": virtual", bytes))
      let physical = try Self.physical(offset + 8, field + ": physical", bytes)
      let count = try Self.word(offset + 16, field + ": size", bytes)
      guard let virtual = VirtualRange(start: start, count: ByteCount(count)) else {
        throw ParseError(
          .invalidValue, field: field + ": size", at: UInt64(offset + 16), found: count,
          allowed: .atMost(0 &- start.value))
      }
      let access = try bytes.read(UInt32.self, at: UInt64(offset + 24), field: field + ": access")
      let name = try Self.string(pointerAt: offset + 28, field + ": name", room: &room, bytes)
      mappings.append(
        Mapping(
          virtual: virtual, physical: physical, access: AccessBits(rawValue: access),
          name: String(decoding: name, as: UTF8.self)))
    }
  }

  private mutating func readModules(_ bytes: RawSpan, room: inout Int) throws(ParseError) {
    let table = try Self.table(Offset.modules, "modules", entry: Self.moduleByteCount, bytes)
    for index in 0..<table.count {
      let offset = table.offset + index * Self.moduleByteCount
      let field: Sentence = "modules entry \(index)"
      let range = try Self.physicalRange(offset, field, bytes)
      let name = try Self.string(pointerAt: offset + 16, field + ": name", room: &room, bytes)
      modules.append(Module(physical: range, name: String(decoding: name, as: UTF8.self)))
    }
  }
}
