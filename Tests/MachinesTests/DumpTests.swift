import Addresses
import Foundation
import KernelImage
import TestSupport
import Testing

@testable import Machines

/// Cores of machines that were running, against the machines and against readelf.
@Suite struct LiveDumpTests {
  private func physical(_ start: UInt64, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(count))
  }

  private func core(of machine: QEMUMachine, option: String = "", in folder: DumpFolder) throws -> String {
    let path = folder.path("core\(option)")
    #expect(try machine.monitor("dump-guest-memory \(option) \(path)") == "")
    return path
  }

  private func check(_ image: MemoryImage, against machine: QEMUMachine) throws {
    // Below 640 KiB and from 1 MiB on: between them stand ROMs, which are not in the guest's RAM file.
    for range in [physical(0, 0xa_0000), physical(0x10_0000, 0x3f0_0000)] {
      let dumped = image.withBytes(of: range) { bytes in bytes.withUnsafeBytes { [UInt8]($0) } }
      let live = machine.memory?.withBytes(of: range) { bytes in bytes.withUnsafeBytes { [UInt8]($0) } }
      #expect(dumped != nil && dumped == live)
    }
    let live = try machine.registers()
    #expect(image.processors.count == 1)
    guard case .x86(let registers) = image.registers, let system = registers.system else {
      Issue.record("no QEMU note")
      return
    }
    #expect(registers.general == live.general)
    #expect((registers.rip, registers.rflags) == (live.rip, live.rflags))
    #expect((system.cr0, system.cr2, system.cr3, system.cr4) == (live.cr0, live.cr2, live.cr3, live.cr4))
    #expect((system.es, system.cs, system.ss) == (live.es, live.cs, live.ss))
    #expect((system.ds, system.fs, system.gs) == (live.ds, live.fs, live.gs))
    #expect((system.gdt, system.idt) == (live.gdt, live.idt))
  }

  @Test func aMachineInProtectedMode() throws {
    var configuration = try configuration(TinyGuest.printing("x\n"))
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    let machine = try QEMUMachine(configuration)
    #expect(try machine.run(to: VirtualAddress(TinyGuest.entry)) == .stoppedAtEntry)
    let folder = try DumpFolder()
    let image = try MemoryImage(core: try core(of: machine, in: folder))
    // QEMU names the processor by its mode.
    #expect(image.machine == .i386)
    try check(image, against: machine)
    // `mov esi, 0x100100; mov edx, 0x3f8; …`, as `TinyGuest` lists it.
    #expect(image.loadEntry(at: PhysicalAddress(TinyGuest.entry)) == 0x03f8_ba00_1001_00be)
    #expect(image.loadWord(at: PhysicalAddress(TinyGuest.entry + 4)) == 0x03f8_ba00)
  }

  @Test func aMachineInLongMode() throws {
    let machine = try VerifiedGuest().stoppedMachine()
    let folder = try DumpFolder()
    let image = try MemoryImage(core: try core(of: machine, in: folder))
    #expect(image.machine == .x86_64)
    try check(image, against: machine)
    guard case .x86(let registers) = image.registers else { return }
    // With `-p`, one segment for each virtual mapping comes on top, and what is mapped twice stands there twice.
    try check(try MemoryImage(core: try core(of: machine, option: "-p", in: folder)), against: machine)
    // The root that the guest was given, and the entry that maps its upper half in it.
    #expect(registers.system?.cr3 == VerifiedGuest.tables)
    #expect(image.loadEntry(at: PhysicalAddress(VerifiedGuest.tables + 511 * 8)).map { $0 & 1 } == 1)
  }

  @Test(
    .enabled(if: Emulator.readelf.isExpected, "readelf (package binutils) is not installed"),
    arguments: Emulator.machines)
  func readelfAgrees(_ emulator: Emulator) throws {
    guard emulator.isExpected else { try Test.cancel("\(emulator.program) is not installed") }
    let folder = try DumpFolder()
    let path = folder.path("core")
    let registers = try emulator.dump(to: path)
    let image = try MemoryImage(core: path)
    let expected = try Emulator.readelfLoads(path)
    #expect(!expected.isEmpty)
    #expect(
      image.segments.map { [$0.fileOffset.value, $0.physical.start.value, $0.physical.count.value] } == expected)
    #expect(image.machine == emulator.machine)
    #expect(image.processors.count == 2)
    #expect(image.registers?.programCounter == registers.programCounter)
    // QEMU's reset values: EL1h with DAIF masked.
    if case .aarch64(let state) = image.registers { #expect(state.pstate == registers.pstate) }
  }
}

/// Cores and raw files that were written by hand.
@Suite struct MemoryImageTests {
  private func sample(
    class elfClass: ELFClass = .bits64, machine: KernelImage.Machine = .x86_64, type: ObjectType = .core
  ) -> ELFBuilder {
    ELFBuilder(class: elfClass, type: type, machine: machine)
      .segment(virtual: 0x1000, physical: 0x8000_0000, bytes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      .segment(virtual: 0x2000, physical: 0x1000, bytes: [UInt8](repeating: 0xaa, count: 16), memorySize: 0x1000)
  }

  private func failure(_ bytes: [UInt8]) throws -> ParseError? {
    let folder = try DumpFolder()
    let path = try folder.write(bytes)
    do throws(DumpError) {
      _ = try MemoryImage(core: path)
      return nil
    } catch {
      guard case .malformed(_, let evidence) = error else { throw error }
      return evidence
    }
  }

  @Test(arguments: [ELFClass.bits32, .bits64])
  func segmentsAreReadByPhysicalAddress(elfClass: ELFClass) throws {
    let folder = try DumpFolder()
    let image = try MemoryImage(core: folder.write(sample(class: elfClass).build()))
    #expect(image.segments.map(\.physical.start.value) == [0x1000, 0x8000_0000])
    func entry(_ address: UInt64) -> UInt64? { image.loadEntry(at: PhysicalAddress(address)) }
    #expect(entry(0x8000_0000) == 0x0807_0605_0403_0201)
    #expect(entry(0x8000_0004) == 0x0c0b_0a09_0807_0605)
    // Four bytes are there, eight are not; p_memsz promises bytes that were not dumped.
    #expect(entry(0x8000_0008) == nil)
    #expect(image.loadWord(at: PhysicalAddress(0x8000_0008)) == 0x0c0b_0a09)
    #expect(image.loadWord(at: PhysicalAddress(0x8000_0009)) == nil)
    #expect(entry(0x1008) == 0xaaaa_aaaa_aaaa_aaaa)
    for address: UInt64 in [0, 0xff8, 0xfff, 0x1009, 0x1010, 0x7fff_fffc, 0x8000_000c, PhysicalAddress.greatest] {
      #expect(entry(address) == nil, "\(address)")
    }
  }

  @Test func whatLiesInAFileIsRefusedWithEvidence() throws {
    #expect(try failure(sample(type: .executable).build())?.field == "e_type")
    #expect(try failure([UInt8](repeating: 0, count: 64))?.field == "EI_MAG0")
    var core = sample().build()
    // Elf64_Phdr 0 stands at 64: p_offset at 72, p_filesz at 96.
    core[96 + 7] = 0x80
    let error = try #require(try failure(core))
    #expect((error.code, error.field, error.offset.value) == (.outsideFile, "program header 0: p_filesz", 96))
    #expect(error.found == 0x8000_0000_0000_000c)
    core = sample().build()
    core[72 + 7] = 0xff
    #expect(try failure(core)?.field == "program header 0: p_offset")
    // e_phnum, at 56: 65,534 headers of 56 bytes are not in the file. 65,535 says that section 0 has the number.
    core = sample().build()
    core.replaceSubrange(56..<58, with: [0xfe, 0xff])
    #expect(try failure(core)?.field == "e_phoff")
    core.replaceSubrange(56..<58, with: [0xff, 0xff])
    core.replaceSubrange(40..<48, with: [UInt8](repeating: 0xff, count: 8))
    #expect(try failure(core)?.field == "e_shoff")
  }

  @Test func everyTruncationIsRefused() throws {
    let whole = sample().note(owner: "QEMU", type: 0, descriptor: state()).build()
    #expect(try failure(whole) == nil)
    let end = try #require(try ELFLayout(whole).last)
    for length in stride(from: 1, to: end, by: 7) {
      #expect(try failure(Array(whole[..<length])) != nil, "\(length) of \(whole.count)")
    }
  }

  @Test func damagedCoresAreReadOrRefused() throws {
    let whole = sample().note(owner: "QEMU", type: 0, descriptor: state()).build()
    let header = 64 + 3 * 56
    let folder = try DumpFolder()
    // A linear congruential generator (Knuth, TAOCP vol. 2, 3.3.4, MMIX): the same cases on every machine.
    var random: UInt64 = 1
    for _ in 0..<2000 {
      var core = whole
      for _ in 0..<3 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        core[16 + Int(random >> 33) % (header - 16)] = UInt8(truncatingIfNeeded: random >> 24)
      }
      let path = try folder.write(core)
      guard let image = try? MemoryImage(core: path) else { continue }
      for segment in image.segments {
        #expect(image.loadEntry(at: segment.physical.start) != nil || segment.physical.count.value < 8)
        let last = try #require(segment.physical.last)
        #expect(image.withBytes(of: PhysicalRange(uncheckedStart: last, count: ByteCount(1))) { $0.byteCount } == 1)
      }
    }
  }

  @Test func aNumberOfHeadersInSectionZeroIsBounded() throws {
    var core = sample().section("", bytes: []).build()
    core.replaceSubrange(56..<58, with: [0xff, 0xff])
    let table = (0..<8).reduce(0) { $0 | Int(core[40 + $1]) << (8 * $1) }
    core.replaceSubrange(table + 44..<table + 48, with: [0xff, 0xff, 0xff, 0xff])
    let error = try #require(try failure(core))
    #expect((error.code, error.field, error.found) == (.tooMany, "section header 0: sh_info", 0xffff_ffff))
    core.replaceSubrange(table + 44..<table + 48, with: [2, 0, 0, 0])
    #expect(try failure(core) == nil)
  }

  @Test func notesThatShowTheSameBytesAreBounded() throws {
    // 66 PT_NOTE segments that each show the same 1,000 empty notes: 65,536 is the most.
    let notes = [UInt8](repeating: 0, count: 4) + [0, 0, 0, 0, 1, 0, 0, 0]
    var builder = sample().segment(type: .note, bytes: Array(repeatElement(notes, count: 1000).joined()))
    for _ in 0..<65 { builder = builder.segment(type: .note, partOf: 2, offset: 0, count: 12_000) }
    #expect(try failure(builder.build())?.code == .tooMany)
  }

  @Test func segmentsWithoutBytesAreNoMemory() throws {
    var core = sample().segment(virtual: 0x9000, memorySize: 0x1000).build()
    // What QEMU writes for a mapping of what is no RAM (dump/dump.c, get_offset_range): p_offset -1, p_filesz 0.
    core.replaceSubrange(184..<192, with: [UInt8](repeating: 0xff, count: 8))
    let folder = try DumpFolder()
    #expect(try MemoryImage(core: folder.write(core)).segments.count == 2)
    // Bit 63 of the first p_paddr, at 88.
    core[88 + 7] = 0x80
    let path = try folder.write(core)
    let error = #expect(throws: DumpError.self) { try MemoryImage(core: path) }
    guard case .outsidePhysicalMemory(path, 0x8000_0000_8000_0000, ByteCount(12)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func overlapsMustAgree() throws {
    let bytes = [UInt8](0..<32)
    let builder = ELFBuilder(type: .core).segment(virtual: 0x1000, bytes: bytes)
    let folder = try DumpFolder()
    // The same bytes again, as the mappings in a core of `dump-guest-memory -p`.
    let same = try MemoryImage(
      core: folder.write(builder.segment(type: .load, partOf: 0, offset: 8, count: 24).build()))
    #expect(
      same.segments.map(\.physical) == [
        PhysicalRange(uncheckedStart: PhysicalAddress(0x1000), count: ByteCount(32))
      ])
    let other = try folder.write(builder.segment(virtual: 0x1010, bytes: bytes).build())
    let error = #expect(throws: DumpError.self) { try MemoryImage(core: other) }
    guard case .overlap = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func compressedDumpsAreNamed() throws {
    let folder = try DumpFolder()
    for magic in ["KDUMP   ", "DISKDUMP", "makedumpfile"] {
      let path = try folder.write(Array(magic.utf8) + [UInt8](repeating: 0, count: 4096))
      let errors = [
        #expect(throws: DumpError.self) { try MemoryImage(core: path) },
        #expect(throws: DumpError.self) {
          try MemoryImage(rawFiles: [.init(path: path, physical: PhysicalAddress(0))])
        },
      ]
      for error in errors { #expect(try #require(error).description.contains(magic)) }
    }
  }

  @Test func rawFilesStandWhereTheyArePut() throws {
    let folder = try DumpFolder()
    let path = try folder.write([UInt8](0..<64))
    let image = try MemoryImage(rawFiles: [
      .init(path: path, physical: PhysicalAddress(0x4000_0000)),
      .init(path: path, physical: PhysicalAddress(0x1000), fileOffset: FileOffset(0x10), count: ByteCount(8)),
    ])
    #expect(image.loadEntry(at: PhysicalAddress(0x4000_0038)) == 0x3f3e_3d3c_3b3a_3938)
    #expect(image.loadEntry(at: PhysicalAddress(0x1000)) == 0x1716_1514_1312_1110)
    #expect(image.loadEntry(at: PhysicalAddress(0x1001)) == nil)
    #expect(image.machine == nil && image.processors.isEmpty)
  }

  @Test func rawFilesThatDoNotFitAreRefused() throws {
    let folder = try DumpFolder()
    let path = try folder.write([UInt8](0..<64))
    func refusal(_ raw: MemoryImage.RawFile...) -> DumpError? {
      #expect(throws: DumpError.self) { try MemoryImage(rawFiles: raw) }
    }
    let zero = PhysicalAddress(0)
    for (offset, count): (UInt64, UInt64?) in [(64, nil), (0, 65), (1, 64), (0, 0), (1 << 62, 1)] {
      let error = refusal(
        .init(path: path, physical: zero, fileOffset: FileOffset(offset), count: count.map { ByteCount($0) }))
      guard case .outsideFile = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    let top = PhysicalAddress(PhysicalAddress.greatest - 62)
    guard case .outsidePhysicalMemory = refusal(.init(path: path, physical: top)) else {
      Issue.record("beyond the last address")
      return
    }
    let near = MemoryImage.RawFile(path: path, physical: PhysicalAddress(63))
    guard case .overlap = refusal(.init(path: path, physical: zero), near) else {
      Issue.record("an overlap")
      return
    }
    guard case .notMappable = refusal(.init(path: "/dev/null", physical: zero)) else {
      Issue.record("a device")
      return
    }
    guard case .system(_, "open", ENOENT) = refusal(.init(path: folder.path("none"), physical: zero)) else {
      Issue.record("a file that is not there")
      return
    }
  }
}
