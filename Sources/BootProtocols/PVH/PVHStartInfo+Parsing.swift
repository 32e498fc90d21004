import AddressSpace
public import Addresses
public import KernelImage

extension PVHStartInfo {
  /// Reads the structure and what it points at. Nothing in memory is trusted.
  ///
  /// - Throws: ``ParseError`` naming the first field that contradicts the layout; its offset is a physical address.
  @inline(never) public init(at address: PhysicalAddress, in memory: some BootMemory) throws(ParseError) {
    self.init(address: address)
    let information = BootStructure(at: address, in: memory)
    let magic = try information.word(at: 0, "magic")
    guard magic == Self.magic else {
      throw information.error(
        .unrecognised, "magic", at: 0, found: UInt64(magic), allowed: .exactly(UInt64(Self.magic)))
    }
    version = try information.word(at: Offset.version, "version")
    flags = try information.word(at: Offset.flags, "flags")
    try addExtent(address, count: version == 0 ? 40 : 56, "magic", at: 0, of: information)
    try readModules(information)
    commandLine = try string(at: Offset.commandLine, "cmdline_paddr", of: information)
    rsdp = try information.pointer(at: Offset.rsdp, "rsdp_paddr")
    if version > 0 { try readMemoryMap(information) }
  }

  @inline(never)
  private mutating func readModules<Memory>(_ information: BootStructure<Memory>) throws(ParseError) {
    let count = try self.count(
      at: Offset.moduleCount, "nr_modules", limit: BootEnvironment.moduleLimit, of: information)
    guard count > 0 else { return }
    let list = try table(
      at: Offset.moduleList, "modlist_paddr", byteCount: count * Self.moduleByteCount, of: information)
    for index in 0..<count {
      let place = PhysicalAddress(unchecked: list.value + index * Self.moduleByteCount)
      try readModule(
        BootStructure(at: place, in: information.memory, BootEntryName(table: "modlist entry", index: index)))
    }
  }

  private mutating func readModule<Memory>(_ entry: BootStructure<Memory>) throws(ParseError) {
    let start = try entry.long(at: 0, "paddr")
    let range = try PhysicalRange(
      start: start, count: try entry.long(at: 8, "size"), of: entry.name, fields: ("paddr", "size"),
      at: entry.address.value)
    guard start != 0 || range.isEmpty else {
      throw entry.error(.invalidValue, "paddr", at: 0, found: 0, allowed: .atLeast(1))
    }
    let string = try string(at: 16, "cmdline_paddr", of: entry)
    modules.add(.init(physical: range, string: string ?? ""))
  }

  @inline(never)
  private mutating func readMemoryMap<Memory>(_ information: BootStructure<Memory>) throws(ParseError) {
    let count = try self.count(
      at: Offset.memoryEntryCount, "memmap_entries", limit: BootEnvironment.memoryEntryLimit, of: information)
    guard count > 0 else { return }
    let table = try table(
      at: Offset.memoryMap, "memmap_paddr", byteCount: count * Self.memoryEntryByteCount, of: information)
    for index in 0..<count {
      let place = PhysicalAddress(unchecked: table.value + index * Self.memoryEntryByteCount)
      let entry = BootStructure(
        at: place, in: information.memory, BootEntryName(table: "memmap entry", index: index))
      let (start, count) = (try entry.long(at: 0, "addr"), try entry.long(at: 8, "size"))
      let kind = try entry.word(at: 16, "type")
      memoryMap.add(
        MemoryMap.Entry(
          try PhysicalRange(start: start, count: count, of: entry.name, fields: ("addr", "size"), at: place.value),
          kind: kind))
    }
  }
}
