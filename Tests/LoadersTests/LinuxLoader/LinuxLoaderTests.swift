import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// Expectations from the sources of linux-loader, Firecracker and Cloud Hypervisor.
@Suite struct LinuxLoaderTests {
  private let machine = LoaderRequest(ramRanges: [0..<0x8000_0000])

  private func load(
    _ bytes: [UInt8], _ monitor: LinuxLoader.Monitor = .firecracker, _ request: LoaderRequest? = nil
  ) -> LoaderOutcome { bytes.withRawSpan { LinuxLoader.load($0, request ?? machine, monitor: monitor) } }

  private var kernel: ELFBuilder {
    ELFBuilder(entry: 0x20_0000).segment(virtual: 0x20_0000, bytes: .init(repeating: 0x90, count: 0x1800))
  }

  private func segments(_ prediction: LoadPlan) -> [[UInt64]] {
    prediction.pieces.filter { $0.owner.hasPrefix("segment") }.map {
      [$0.destination.start.value, $0.extent.count.value]
    }
  }

  /// By p_paddr and p_filesz; e_entry 0x40800000 is the first address behind the GiB that Firecracker maps.
  @Test func openSolaris64() throws {
    let image = OpenSolarisTwin.bits64.build()
    let prediction = try #require(load(image).loadedPrediction)
    #expect(
      segments(prediction) == [[0x4080_0000, 0xed28], [0x4000_0000, 0x39_adca], [0x4040_0000, 0x2_0fe9]])
    #expect(prediction.entry.address == 0x4080_0000)
    #expect(
      prediction.remarks.contains { $0.sentence == "The entry 0x40800000 is not mapped: the first fetch faults." })
    #expect(prediction.hasRemark(.notZeroed))
    let enough = LoaderRequest(ramRanges: [0..<0x4080_ed28]), short = LoaderRequest(ramRanges: [0..<0x4080_ed27])
    #expect(load(image, .firecracker, enough).loadedPrediction != nil)
    #expect(load(image, .firecracker, short).statedRefusal?.words == "Unable to read kernel image")
  }

  /// The tables map [0, 1 << 30): 0x40000000 is the first address that they do not.
  @Test(arguments: [(0x3fff_ffff, 1), (0x4000_0000, 2)] as [(UInt64, Int)])
  func mappedGiB(entry: UInt64, remarks: Int) throws {
    let image = ELFBuilder(entry: entry).segment(virtual: 0x20_0000, bytes: [1])
    #expect(try #require(load(image.build()).loadedPrediction).remarks.count == remarks)
  }

  @Test func registersAndTables() throws {
    let prediction = try #require(load(kernel.build()).loadedPrediction)
    #expect(prediction.entry.mode == .long64)
    for (name, value) in [
      ("rsi", 0x7000), ("rsp", 0x8ff0), ("rbp", 0x8ff0), ("cr3", 0x9000), ("rflags", 2), ("efer", 0x500),
    ] {
      #expect(
        prediction.entry.registers.first { $0.name == name }?.value == .exactly(UInt64(value)), "\(name)")
    }
    let tables = try #require(prediction.blobs.first { $0.name == "page tables" }).bytes
    #expect(Array(tables[0..<8]) == [0x03, 0xa0, 0, 0, 0, 0, 0, 0])
    #expect(Array(tables[4096..<4104]) == [0x03, 0xb0, 0, 0, 0, 0, 0, 0])
    // Page 511: (511 << 21) | 0x83 = 0x3fe00083.
    #expect(Array(tables[8192 + 511 * 8..<8192 + 512 * 8]) == [0x83, 0, 0xe0, 0x3f, 0, 0, 0, 0])
    let descriptors = try #require(prediction.blobs.first { $0.name == "GDT" }).bytes
    #expect(Array(descriptors[8..<16]) == [0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0])
  }

  @Test func pvh() throws {
    let image = kernel.note(owner: "Xen", type: 18, descriptor: [0, 4, 0x20, 0]).build()
    let fire = try #require(load(image).loadedPrediction)
    #expect(fire.entry.mode == .protected32)
    #expect(fire.entry.address == 0x20_0400)
    #expect(fire.entry.registers.contains(.init("ebx", 0x6000, "start information")))
    #expect(fire.entry.registers.contains(.init("cr0", 0x11, "PE, ET")))
    let cloud = try #require(load(image, .cloudHypervisor).loadedPrediction)
    #expect(cloud.entry.registers.contains(.init("cr0", 1, "PE")))
    #expect(fire.loader == .firecracker && cloud.loader == .cloudHypervisor)
    let descriptors = try #require(fire.blobs.first { $0.name == "GDT" }).bytes
    // Task state: type 0x8b in bits 40 to 47, limit 0x67.
    let entries: [UInt64] = [0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x8b << 40 | 0x67]
    #expect(descriptors == entries.flatMap(\.bytes))
    #expect(fire.decisions.first { $0.subject == "start information" }?.choice == "0x6000")
  }

  /// The last PT_NOTE decides, also when it has no entry.
  @Test func lastNoteSegmentWins() throws {
    let note = kernel.noteBytes(owner: "Xen", type: 18, descriptor: [0, 4, 0x20, 0])
    let other = kernel.noteBytes(owner: "GNU", type: 3, descriptor: [1, 2, 3, 4])
    let both = kernel.segment(type: .note, bytes: note, alignment: 4).segment(type: .note, bytes: other, alignment: 4)
    #expect(try #require(load(both.build()).loadedPrediction).entry.mode == .long64)
    let reverse = kernel.segment(type: .note, bytes: other, alignment: 4).segment(
      type: .note, bytes: note, alignment: 4)
    #expect(try #require(load(reverse.build()).loadedPrediction).entry.mode == .protected32)
    let short = kernel.note(owner: "Xen", type: 18, descriptor: [1, 2])
    #expect(load(short.build()).statedRefusal?.words == "Invalid PVH note header")
  }

  @Test func cloudHypervisorNeedsPVH() {
    #expect(load(kernel.build(), .cloudHypervisor).statedRefusal?.words == "KernelMissingPvhHeader")
  }

  @Test func headerRefusals() {
    func patched(_ offset: Int, _ bytes: [UInt8]) -> LoaderOutcome {
      var image = kernel.build()
      image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      return load(image)
    }
    #expect(patched(5, [2]).statedRefusal?.words == "Trying to load big-endian binary on little-endian machine")
    #expect(patched(54, [57]).statedRefusal?.words == "Invalid program header size")
    #expect(patched(32, [63]).statedRefusal?.words == "Invalid program header offset")
    // 0xfffff lies below 1 MiB.
    #expect(patched(24, [0xff, 0xff, 0x0f, 0]).statedRefusal?.words == "Invalid entry address")
    #expect(patched(24, [0, 0, 0x10, 0]).loadedPrediction != nil)
    // Without the magic Firecracker tries a bzImage.
    #expect(patched(0, [0]).statedRefusal?.words == "InvalidBzImage")
    // EI_CLASS, e_machine and e_type are not looked at; without headers there is nothing to place.
    #expect(patched(4, [1]).loadedPrediction != nil)
    #expect(patched(18, [183]).loadedPrediction != nil)
    #expect(patched(56, [0, 0]).loadedPrediction?.hasRemark(.entryOutsideImage) == true)
  }

  @Test func sizes() throws {
    // p_filesz above p_memsz: all of p_filesz is written. p_filesz 0: the segment is left out.
    let long = ELFBuilder(entry: 0x20_0000)
      .segment(virtual: 0x20_0000, bytes: .init(repeating: 1, count: 0x2000), memorySize: 0x1000)
      .segment(virtual: 0x40_0000, memorySize: 0x3000)
    let prediction = try #require(load(long.build()).loadedPrediction)
    #expect(segments(prediction) == [[0x20_0000, 0x2000]])
    #expect(prediction.hasRemark(.segmentIgnored))
    let wrap = ELFBuilder(entry: 0x20_0000).segment(virtual: 0x20_0000, bytes: [1], memorySize: .max)
    #expect(load(wrap.build()).statedRefusal?.words == "MemoryOverflow")
  }

  @Test func initrdIsBelowTheEndOfMemory() throws {
    var request = machine
    request.modules = [.init(name: "initrd", size: .init(0x1001)), .init(name: "more", size: .init(1))]
    let prediction = try #require(load(kernel.build(), .firecracker, request).loadedPrediction)
    // down(0x80000000 - 0x1001, 0x1000) = 0x7fffe000.
    #expect(prediction.pieces.first { $0.owner == "initrd" }?.destination.start.value == 0x7fff_e000)
    #expect(prediction.hasRemark(.moduleIgnored))
  }

  private var bzImage: BzImageBuilder {
    BzImageBuilder(version: 0x20f, protectedMode: .init(repeating: 0x90, count: 0x4000))
      .patch(0x236, [1, 0]).patch(0x214, [0, 0, 0x10, 0])
  }

  @Test func bzImages() throws {
    let fire = try #require(load(bzImage.build()).loadedPrediction)
    // (4 + 1) * 512 bytes of setup code stay behind.
    #expect(fire.pieces.first?.source == .image(.init(uncheckedStart: .init(0xa00), count: .init(0x4000))))
    #expect(fire.pieces.first?.destination.start.value == 0x10_0000)
    #expect(fire.entry.address == 0x10_0200)
    let cloud = try #require(load(bzImage.build(), .cloudHypervisor).loadedPrediction)
    #expect(cloud.entry.mode == .protected32)
    #expect(cloud.entry.address == 0x10_0000)
    for register in [
      EntryState.Register("esi", 0x7000, "zero page"), .init("esp", 0x8ff0, "boot stack"), .init("cr0", 1, "PE"),
      .init("cr4", 0, "nothing on"), .init("gdtr", 0x500, "descriptor table"),
    ] { #expect(cloud.entry.registers.contains(register)) }
    #expect(load(bzImage.patch(0x236, [0, 0]).build()).loadedPrediction == nil)
    #expect(load(bzImage.patch(0x236, [0, 0]).build(), .cloudHypervisor).loadedPrediction != nil)
    #expect(load(bzImage.patch(0x211, [0]).build()).statedRefusal?.words == "InvalidBzImage")
    #expect(load(bzImage.patch(0x214, [0, 0, 1, 0]).build()).statedRefusal?.words == "InvalidKernelStartAddress")
  }
}
