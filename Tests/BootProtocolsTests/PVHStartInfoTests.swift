import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Testing

/// Xen `public/arch-x86/hvm/start_info.h`.
private struct Guest {
  var version: UInt32 = 1
  /// nr_modules; modlist_paddr, cmdline_paddr, rsdp_paddr; memmap_paddr; memmap_entries.
  var moduleCount: UInt32 = 2
  var moduleList: UInt64 = 0x7000
  var commandLine: UInt64 = 0x8000
  var rsdp: UInt64 = 0xf_59e0
  var map: UInt64 = 0x9000
  var mapCount: UInt32 = 4
  /// {paddr, size, cmdline_paddr, reserved} each.
  var modules = longs(0x39_0000, 0x1234, 0x8100, 0, 0, 0, 0, 0)
  /// {addr, size, type and reserved} each.
  var entries = longs(0, 0x9_fc00, 1, 0x9_fc00, 0x400, 2, 0x10_0000, 0x7ee_0000, 1, 0xfd_0000_0000, 0x3_0000_0000, 2)

  var structure: [UInt8] {
    words(0x336e_c578, version, 0, moduleCount) + longs(moduleList, commandLine, rsdp)
      + (version == 0 ? [] : longs(map) + words(mapCount, 0))
  }

  var memory: PiecedMemory {
    var memory = PiecedMemory()
    memory.put(structure, at: 0x6000)
    memory.put(modules, at: 0x7000)
    memory.put(terminated("seed=7 -- quiet"), at: 0x8000)
    memory.put(terminated("kernel.elf"), at: 0x8100)
    memory.put(entries, at: 0x9000)
    return memory
  }

  func parse() throws(ParseError) -> PVHStartInfo { try PVHStartInfo(at: PhysicalAddress(0x6000), in: memory) }
}

@Suite struct PVHStartInfoTests {
  @Test func everyField() throws {
    let information = try Guest().parse()
    #expect(information.version == 1 && information.flags == 0)
    #expect(information.commandLine == "seed=7 -- quiet" && information.rsdp == PhysicalAddress(0xf_59e0))
    #expect(information.modules.map(\.physical) == [range(0x39_0000, 0x1234), range(0, 0)])
    #expect(information.modules.map(\.string) == ["kernel.elf", ""])
    #expect(information.memoryMap.map(\.kind.rawValue) == [1, 2, 1, 2])
    #expect(information.memoryMap.last?.range == range(0xfd_0000_0000, 0x3_0000_0000))
  }

  /// Xen's first domain has no map in the structure, and asks: entries of 20 bytes (`public/memory.h`).
  @Test func theHypervisorsMap() throws {
    var memory = Guest(version: 0).memory
    let entries: [(UInt64, UInt64, UInt32)] = [(0, 0x9_f000, 1), (0x10_0000, 0xff6_0f26, 1), (0x1006_0f26, 0x7a, 3)]
    memory.put(entries.flatMap { longs($0.0, $0.1) + words($0.2) }, at: 0xa010)
    let map = HypervisorMemoryMap(start: PhysicalAddress(0xa010), count: 3)
    let environment = try BootEnvironment(eax: 0, ebx: 0x6000, memory: memory, hypervisorMap: map)
    #expect(
      environment.memoryMap.entries == [
        .init(range: range(0, 0x9_f000), kind: .usable), .init(range: range(0x10_0000, 0xff6_0f26), kind: .usable),
        .init(range: range(0x1006_0f26, 0x7a), kind: .acpiReclaimable),
      ])
    // The structure's own goes before.
    let own = try BootEnvironment(eax: 0, ebx: 0x6000, memory: Guest().memory, hypervisorMap: map)
    #expect(own.memoryMap.usable == [range(0, 0x9_fc00), range(0x10_0000, 0x7ee_0000)])
    // One entry more than there is memory for, and more than anybody has.
    let beyond = try #require(throws: ParseError.self) {
      try BootEnvironment(
        eax: 0, ebx: 0x6000, memory: memory, hypervisorMap: .init(start: PhysicalAddress(0xa010), count: 4))
    }
    #expect(beyond.field == "XENMEM_memory_map entry 3: addr" && beyond.offset.value == 0xa010 + 60)
    let many = try #require(throws: ParseError.self) {
      try BootEnvironment(
        eax: 0, ebx: 0x6000, memory: memory, hypervisorMap: .init(start: PhysicalAddress(0xa010), count: 1025))
    }
    #expect(many.code == .tooMany && many.field == "nr_entries" && many.found == 1025)
    // None is no map.
    let none = try #require(throws: ParseError.self) {
      try BootEnvironment(
        eax: 0, ebx: 0x6000, memory: memory, hypervisorMap: .init(start: PhysicalAddress(0xa010), count: 0))
    }
    #expect(none.code == .unsupported && none.field == "version")
  }

  @Test func environment() throws {
    // EAX means nothing.
    let environment = try BootEnvironment(eax: 0x1234, ebx: 0x6000, memory: Guest().memory)
    #expect(environment.protocolName == "PVH" && environment.bootLoaderName.isEmpty)
    #expect(environment.commandLine == "seed=7 -- quiet" && environment.rsdp == PhysicalAddress(0xf_59e0))
    #expect(environment.modules.first?.physical == range(0x39_0000, 0x1234))
    #expect(environment.memoryMap.usable == [range(0, 0x9_fc00), range(0x10_0000, 0x7ee_0000)])
    // The structure, 2 × 32 of modules, "kernel.elf", "seed=7 -- quiet" with their NULs, 4 × 24 of the map.
    #expect(
      Set(environment.informationRanges) == [
        range(0x6000, 56), range(0x7000, 64), range(0x8100, 11), range(0x8000, 16), range(0x9000, 96),
      ])
  }

  /// An address of 0 says that there is no such thing.
  @Test func nothingButAMap() throws {
    let guest = Guest(moduleCount: 0, moduleList: 0, commandLine: 0, rsdp: 0)
    let environment = try BootEnvironment(try guest.parse())
    #expect(environment.modules.isEmpty && environment.commandLine.isEmpty && environment.rsdp == nil)
    #expect(environment.informationRanges == [range(0x6000, 56), range(0x9000, 96)])
  }

  @Test func withoutMemoryMap() throws {
    // Version 0 ends at 40 bytes: there is no memory behind them here.
    let first = try Guest(version: 0).parse()
    #expect(first.memoryMap.isEmpty && first.extents.first == range(0x6000, 40))
    let error = try #require(throws: ParseError.self) { try BootEnvironment(first) }
    #expect(error.code == .unsupported && error.field == "version" && error.offset.value == 0x6004)
    let empty = try #require(throws: ParseError.self) { try BootEnvironment(try Guest(mapCount: 0).parse()) }
    #expect(empty.field == "memmap_entries" && empty.offset.value == 0x6000 + 48)
    // Later versions only add fields.
    #expect(try Guest(version: 2).parse().memoryMap.count == 4)
  }

  @Test(
    arguments: [
      (Guest(moduleCount: 65), "nr_modules", 0x600c), (Guest(moduleCount: .max), "nr_modules", 0x600c),
      (Guest(moduleList: 0), "modlist_paddr", 0x6010), (Guest(moduleList: .max), "modlist_paddr", 0x6010),
      (Guest(moduleList: (1 << 56) - 63), "modlist_paddr", 0x6010),
      (Guest(moduleList: 0x100), "modlist entry 0: paddr", 0x100),
      (Guest(commandLine: 1 << 56), "cmdline_paddr", 0x6018),
      (Guest(commandLine: 0x100), "cmdline_paddr", 0x100),
      (Guest(rsdp: .max), "rsdp_paddr", 0x6020),
      (Guest(map: 0), "memmap_paddr", 0x6028), (Guest(map: (1 << 56) - 95), "memmap_paddr", 0x6028),
      (Guest(mapCount: 1025), "memmap_entries", 0x6030), (Guest(mapCount: .max), "memmap_entries", 0x6030),
      (Guest(mapCount: 5), "memmap entry 4: addr", 0x9000 + 96),
      (Guest(modules: longs(1 << 56, 1, 0, 0)), "modlist entry 0: paddr", 0x7000),
      (Guest(modules: longs(1, 1 << 56, 0, 0)), "modlist entry 0: size", 0x7008),
      (Guest(modules: longs(0, 1, 0, 0)), "modlist entry 0: paddr", 0x7000),
      (Guest(modules: longs(1, 1, .max, 0)), "modlist entry 0: cmdline_paddr", 0x7010),
      (Guest(modules: longs(1, 1, 0, 0)), "modlist entry 1: paddr", 0x7020),
      (Guest(mapCount: 1, entries: longs(1 << 56, 1, 1)), "memmap entry 0: addr", 0x9000),
      (Guest(mapCount: 1, entries: longs(1, .max, 1)), "memmap entry 0: size", 0x9008),
    ] as [(Guest, String, Int)])
  fileprivate func errorsNameTheField(guest: Guest, field: String, offset: Int) throws {
    let error = try #require(throws: ParseError.self) { try guest.parse() }
    #expect(error.field == field && error.offset.value == UInt64(offset))
  }

  @Test func magic() throws {
    var memory = PiecedMemory()
    memory.put(words(0x336e_c577), at: 0x6000)
    let error = try #require(throws: ParseError.self) { try PVHStartInfo(at: PhysicalAddress(0x6000), in: memory) }
    #expect(error.code == .unrecognised && error.found == 0x336e_c577)
  }

  /// 4095 characters and a NUL are the most.
  @Test(arguments: [4095, 4096]) func longStrings(count: Int) throws {
    var memory = Guest(moduleCount: 0, commandLine: 0x2_0000).memory
    memory.put(terminated(String(repeating: "x", count: count)), at: 0x2_0000)
    let information = try? PVHStartInfo(at: PhysicalAddress(0x6000), in: memory)
    #expect((information?.commandLine?.utf8.count == count) == (count == 4095))
  }

  /// The structure, then each table: whatever is missing at the end, something is said about it.
  @Test(arguments: 0..<5) func everyTruncationIsAnError(piece: Int) {
    let whole = Guest().memory
    // The second module is empty and has no string: its last 8 bytes are reserved. So are 4 of each entry and header.
    let needed = [52, 56, 16, 11, 92][piece]
    for count in 0..<needed {
      var memory = whole
      memory.pieces[piece].bytes = Array(whole.pieces[piece].bytes[..<count])
      #expect(throws: ParseError.self) { try PVHStartInfo(at: PhysicalAddress(0x6000), in: memory) }
    }
    var memory = whole
    memory.pieces[piece].bytes = Array(whole.pieces[piece].bytes[..<needed])
    #expect(throws: Never.self) { try PVHStartInfo(at: PhysicalAddress(0x6000), in: memory) }
  }

  @Test(arguments: 0..<5) func everyByteMayBeAnything(piece: Int) {
    let whole = Guest().memory
    for offset in whole.pieces[piece].bytes.indices {
      for value in [0, 1, 0x40, 0x7f, 0x80, 0xff] as [UInt8] {
        var memory = whole
        memory.pieces[piece].bytes[offset] = value
        guard let information = try? PVHStartInfo(at: PhysicalAddress(0x6000), in: memory) else { continue }
        #expect(information.modules.count <= 64 && information.memoryMap.count <= 1024)
        _ = try? BootEnvironment(information)
      }
    }
  }

  /// All pointers lead into the same random page.
  @Test(arguments: 0..<8) func randomMemory(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    for _ in 0..<300 {
      func place() -> UInt64 { UInt64.random(in: 0..<0x1100, using: &dice) }
      var memory = PiecedMemory()
      let guest = Guest(
        moduleCount: .random(in: 0..<70, using: &dice), moduleList: place(), commandLine: place(), map: place(),
        mapCount: .random(in: 0..<200, using: &dice))
      memory.put(guest.structure, at: 0x6000)
      let bits = UInt8.random(in: 0...255, using: &dice) & UInt8.random(in: 0...255, using: &dice)
      memory.put((0..<4096).map { _ in UInt8.random(in: 0...255, using: &dice) & bits }, at: 0)
      guard let information = try? PVHStartInfo(at: PhysicalAddress(0x6000), in: memory) else { continue }
      #expect(information.modules.count == Int(guest.moduleCount))
      _ = try? BootEnvironment(information)
    }
  }
}
