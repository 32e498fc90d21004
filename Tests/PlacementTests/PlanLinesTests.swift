import AddressSpace
import Addresses
import BootProtocols
import PageTables
import Placement
import TestSupport
import Testing

/// The short lines that a loader prints as the command line does.
@Suite struct PlanLinesTests {
  private static let link: UInt64 = 0xffff_ffff_8020_0000
  private static let kernel = ELFKernel(
    ELFBuilder(entry: link + 0x10)
      .segment(flags: [.read, .execute], virtual: link, physical: 0, bytes: .pattern(0x1000))
      .segment(virtual: link + 0x1000, physical: 0x1000, bytes: .pattern(0x10), memorySize: 5 * mebibyte))

  private func lines(_ change: (inout PlanRequest) -> Void = { _ in }) throws -> (lines: [String], plan: LoadPlan) {
    let plan = try Self.kernel.plan(
      PlanRequest(.computer(64 * mebibyte)) {
        $0.physical = .any
        change(&$0)
      })
    var lines: [String] = []
    plan.forEachLine { lines.append($0) }
    return (lines, plan)
  }

  @Test func eachThingHasItsLine() throws {
    let (lines, _) = try lines()
    #expect(lines.first == "reading: ELF64 x86-64 kernel, entered at its virtual entry point")
    #expect(lines.contains("memory 0x0-0x9f000 usable") && lines.contains("memory 0x100000-0x4000000 usable"))
    // The segments' span: 0x1000 + 5 MiB.
    #expect(lines.contains("image 0x200000-0x701000 slide 0x0"))
    #expect(lines.contains("piece 0x200000-0x201000 file 0x1000-0x2000 segment 0"))
    // 5 MiB less 0x10 bytes of zeros.
    #expect(lines.contains("piece 0x201000-0x701000 file 0x2000-0x2010 zeros 0x4ffff0 segment 1"))
    #expect(lines.contains { $0.hasPrefix("piece 0x") && $0.hasSuffix(" made page tables") })
    #expect(lines.contains("mapping 0xffffffff80200000-0xffffffff80201000 -> 0x200000 r-x 4 KiB x 1 segment 0"))
    // From 0x80201000 to 0x80701000: to the boundary at 0x80400000 0x1ff pages, one block, 0x101 pages.
    #expect(
      lines.contains("mapping 0xffffffff80201000-0xffffffff80701000 -> 0x201000 rw- 4 KiB x 768 + 2 MiB x 1 segment 1"))
    #expect(lines.contains { $0.hasPrefix("physical place: 0x200000: slot 0 of ") })
    #expect(!lines.contains { $0.hasPrefix("seed") })
  }

  @Test func entryAndTablesAreNumbers() throws {
    let (lines, plan) = try lines { $0.seed = 11 }
    let state = plan.state
    func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
    #expect(
      lines.contains(
        "entry rip \(hex(Self.link + 0x10)) rsp 0xfffffe0000011000 rdi \(hex(state.registers.rdi)) "
          + "cr3 \(hex(state.cr3.value)) cr4 0x20"))
    // FNV-1a of 64 bits, as its authors give it.
    let sum = try plan.blob("page tables").reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    let frames = plan.pageTables.framesByLevel
    #expect(
      lines.contains(
        "page tables root \(hex(state.cr3.value)): PML4 1, PDPT \(frames[1]), PD \(frames[2]), PT \(frames[3]): "
          + "fnv1a64 \(hex(sum))"))
    let random = try #require(plan.randomization)
    #expect(lines.contains("seed 0xb: \(random.physicalSlots) physical slots, 1 virtual slots"))
  }

  @Test func rejectedPlacesAreIndented() throws {
    let (lines, plan) = try lines {
      $0.physical = nil
      $0.imagePlace = PhysicalAddress(0x30_0001)
    }
    let index = try #require(lines.firstIndex { $0.hasPrefix("physical place: ") })
    #expect(lines[index + 1].hasPrefix("  not in place: program header 0: virtual 0x"))
    #expect(try plan.decision("physical place").rejected.count == 1)
    let resident = try self.lines {
      $0.physical = nil
      $0.imagePlace = PhysicalAddress(0x30_0000)
    }
    #expect(resident.lines.contains("piece 0x301000-0x302000 file 0x1000-0x2000 in place segment 0"))
  }

  @Test func namesCannotWriteToATerminal() throws {
    let (lines, _) = try lines {
      $0.modules = [
        .init(name: "module \u{1b}[2J\u{85}\u{202e}ä", size: ByteCount(16), place: PhysicalAddress(0x20_0000))
      ]
    }
    let line = try #require(lines.first { $0.contains("stays at") })
    #expect(line.hasPrefix("module \\x1b[2J\\x85\\x202eä: stays at "))
  }

  @Test func kindsWithoutANameAreNumbers() throws {
    let odd = MemoryMap.Entry(range: physical(0x9_f000, count: 0x1000), kind: MemoryKind(rawValue: 12))
    let (lines, _) = try lines { $0.machine = MemoryMap(normalising: $0.machine.entries + [odd]) }
    #expect(lines.contains("memory 0x9f000-0xa0000 type 12"))
  }

  @Test func pagingOffHasNoTables() throws {
    let kernel = ELFKernel(
      ELFBuilder(class: .bits32, machine: .i386, entry: 0x10_0000).segment(
        flags: [.read, .execute], virtual: 0x10_0000, bytes: .pattern(0x100)))
    var lines: [String] = []
    try kernel.plan(PlanRequest(.computer(64 * mebibyte))).forEachLine { lines.append($0) }
    #expect(lines.contains { $0.hasPrefix("entry ") && $0.contains(" 0x100000 edi 0x") && $0.contains(" cr0 0x11") })
    #expect(!lines.contains { $0.hasPrefix("page tables") || $0.hasPrefix("mapping") })
  }
}

/// Runs of live tables on a line, and the number that stands for bytes.
@Suite struct TranslationLineTests {
  private struct Collector: RunConsumer {
    var runs: [TranslationRun] = []
    mutating func consume(_ run: TranslationRun) { runs.append(run) }
    mutating func consume(_ problem: WalkFault) {}
  }

  /// The runs of tables of these mappings.
  private func runs(_ mappings: [MappingIntent]) throws -> [TranslationRun] {
    var space = AddressSpace(mode: .x86_64FourLevel)
    for mapping in mappings { try space.add(mapping) }
    let image = PageTableImage(building: space, at: PhysicalAddress(0x10_0000))
    var collector = Collector()
    let memory = BytesTableMemory(base: image.root, bytes: image.bytes)
    _ = TranslationTables(format: X86_64Format(), memory: memory, root: image.root).visit(&collector)
    return collector.runs
  }

  private func mapping(_ start: UInt64, _ count: UInt64, _ place: UInt64, _ name: String) throws -> MappingIntent {
    MappingIntent(
      virtual: try #require(VirtualRange(start: VirtualAddress(start), count: ByteCount(count))),
      physical: PhysicalAddress(place), access: .readExecute, name: name)
  }

  @Test func aRunIsALine() throws {
    let text = try mapping(0xffff_ffff_8020_0000, 0x1_0000, 0x40_0000, "segment 0")
    let run = try #require(try runs([text]).first)
    #expect(
      run.line(name: run.names(in: [text]))
        == "0xffffffff80200000-0xffffffff80210000 -> 0x400000 r-x 4 KiB x 16 segment 0")
    #expect(run.line() == "0xffffffff80200000-0xffffffff80210000 -> 0x400000 r-x 4 KiB x 16")
  }

  @Test func theLastPageEndsAtTheEndOfAll() throws {
    let last = try mapping(0xffff_ffff_ffe0_0000, 0x20_0000, 0x40_0000, "end")
    #expect(
      try runs([last]).map { $0.line() }
        == ["0xffffffffffe00000-0x10000000000000000 -> 0x400000 r-x 2 MiB x 1"])
  }

  @Test func neighboursThatAreMappedAlikeShareALine() throws {
    let mappings = [
      try mapping(0x40_0000, 0x1000, 0x60_0000, "a"), try mapping(0x40_1000, 0x2000, 0x60_1000, "b"),
      try mapping(0x50_0000, 0x1000, 0x60_3000, "c"),
    ]
    #expect(
      try runs(mappings).map { $0.line(name: $0.names(in: mappings)) }
        == [
          "0x400000-0x403000 -> 0x600000 r-x 4 KiB x 3 a, b", "0x500000-0x501000 -> 0x603000 r-x 4 KiB x 1 c",
        ])
    #expect(try runs(mappings).first?.names(in: []) == nil)
  }

  @Test func pageSizesHaveNames() {
    let sizes: [PageSize] = [.size4KiB, .size64KiB, .size2MiB, .size1GiB, .size256TiB]
    #expect(sizes.map(\.text) == ["4 KiB", "64 KiB", "2 MiB", "1 GiB", "256 TiB"])
  }

  /// The vectors of RFC 9923.
  @Test func bytesHaveANumber() {
    #expect(FNV1a64.of([]) == 0xcbf2_9ce4_8422_2325)
    #expect(FNV1a64.of(Array("a".utf8)) == 0xaf63_dc4c_8601_ec8c)
    #expect(FNV1a64.of(Array("foobar".utf8)) == 0x8594_4171_f739_67e8)
  }
}
