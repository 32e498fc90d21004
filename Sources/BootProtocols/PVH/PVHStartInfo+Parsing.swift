import AddressSpace
public import Addresses
public import KernelImage

extension PVHStartInfo {
  /// Reads the structure and what it points at. Nothing in memory is trusted.
  ///
  /// - Throws: ``ParseError`` naming the first field that contradicts the layout; its offset is a physical address.
  public init(at address: PhysicalAddress, in memory: some BootMemory) throws(ParseError) {
    self.init(address: address)
    let magic = try memory.read(UInt32.self, at: 0, in: address, field: "magic")
    guard magic == Self.magic else {
      throw ParseError(
        .unrecognised, field: "magic", at: address.value, found: UInt64(magic), allowed: .exactly(UInt64(Self.magic)))
    }
    version = try memory.read(UInt32.self, at: Offset.version, in: address, field: "version")
    flags = try memory.read(UInt32.self, at: Offset.flags, in: address, field: "flags")
    try addExtent(address, count: version == 0 ? 40 : 56, field: "magic", at: 0)
    try readModules(memory)
    commandLine = try string(at: Offset.commandLine, in: address, "cmdline_paddr", memory)
    rsdp = try pointer(at: Offset.rsdp, in: address, "rsdp_paddr", memory)
    if version > 0 { try readMemoryMap(memory) }
  }

  private mutating func readModules(_ memory: some BootMemory) throws(ParseError) {
    let count = try self.count(
      at: Offset.moduleCount, "nr_modules", limit: BootEnvironment.moduleLimit, memory)
    guard count > 0 else { return }
    let list = try table(
      at: Offset.moduleList, "modlist_paddr", byteCount: count * Self.moduleByteCount, memory)
    for index in 0..<count {
      let place = list.value + index * Self.moduleByteCount
      try readModule(at: PhysicalAddress(unchecked: place), "modlist entry \(index)", memory)
    }
  }

  private mutating func readModule(
    at place: PhysicalAddress, _ name: Sentence, _ memory: some BootMemory
  ) throws(ParseError) {
    let start = try memory.read(UInt64.self, at: 0, in: place, field: name + ": paddr")
    let count = try memory.read(UInt64.self, at: 8, in: place, field: name + ": size")
    let range = try PhysicalRange(
      start: start, count: count, fields: (name + ": paddr", name + ": size"), at: place.value)
    guard start != 0 || range.isEmpty else {
      throw ParseError(.invalidValue, field: name + ": paddr", at: place.value, found: 0, allowed: .atLeast(1))
    }
    let string = try string(at: 16, in: place, name + ": cmdline_paddr", memory)
    modules.append(.init(physical: range, string: string ?? ""))
  }

  private mutating func readMemoryMap(_ memory: some BootMemory) throws(ParseError) {
    let count = try self.count(
      at: Offset.memoryEntryCount, "memmap_entries", limit: BootEnvironment.memoryEntryLimit, memory)
    guard count > 0 else { return }
    let table = try table(
      at: Offset.memoryMap, "memmap_paddr", byteCount: count * Self.memoryEntryByteCount, memory)
    for index in 0..<count {
      let place = PhysicalAddress(unchecked: table.value + index * Self.memoryEntryByteCount)
      let name: Sentence = "memmap entry \(index)"
      memoryMap.append(
        try MemoryMap.Entry(
          start: try memory.read(UInt64.self, at: 0, in: place, field: name + ": addr"),
          count: try memory.read(UInt64.self, at: 8, in: place, field: name + ": size"),
          kind: try memory.read(UInt32.self, at: 16, in: place, field: name + ": type"),
          fields: (name + ": addr", name + ": size"), at: place.value))
    }
  }
}
