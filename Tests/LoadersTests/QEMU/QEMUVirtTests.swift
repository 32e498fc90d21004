import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// What QEMU 7.2's `info roms` said of each file.
@Suite struct QEMUVirtTests {
  private func arm(_ image: [UInt8], mebibytes: UInt64 = 1024, module: UInt64 = 0) -> LoaderOutcome {
    var request = LoaderRequest(machine: memoryMap(from: 0x4000_0000, mebibytes: mebibytes), imageName: "k")
    if module > 0 { request.modules = [.init(name: "i", size: ByteCount(module))] }
    return image.withRawSpan { QEMU.aarch64($0, request) }
  }

  private func riscv(_ image: [UInt8], mebibytes: UInt64 = 128, module: UInt64 = 0) -> LoaderOutcome {
    var request = LoaderRequest(machine: memoryMap(from: 0x8000_0000, mebibytes: mebibytes), imageName: "k")
    if module > 0 { request.modules = [.init(name: "i", size: ByteCount(module))] }
    return image.withRawSpan { QEMU.riscv64($0, request) }
  }

  private func image(offset: UInt64, size: UInt64, hasMagic: Bool = true) -> [UInt8] {
    var seed = SeededGenerator(seed: 0)
    var image = RandomImage(using: &seed)
    (image.textOffset, image.imageSize, image.hasMagic, image.count) = (offset, size, hasMagic, 4096)
    return image.bytes
  }

  @Test(
    arguments: [
      (0, 0x1_0000, 0x4020_0000), (0x8_0000, 0x1_0000, 0x4008_0000), (0x1234, 0, 0x4008_0000),
      (0x1000, 0x900_0000, 0x4000_1000), (0xfff, 0x1000, 0x4020_0fff),
    ] as [(UInt64, UInt64, UInt64)])
  func anImageGoesToItsOffset(offset: UInt64, size: UInt64, address: UInt64) {
    #expect(arm(image(offset: offset, size: size)).prediction?.entry.address == address)
  }

  @Test(
    arguments: [
      (1024, 0x1_0000, 0, 0, 0x4800_0000), (1024, 0x1_0000, 100, 0x4800_0000, 0x4820_0000),
      (64, 0x1_0000, 100, 0x4200_0000, 0x4220_0000), (1024, 0x900_0000, 100, 0x4900_1000, 0x4920_0000),
    ] as [(UInt64, UInt64, UInt64, UInt64, UInt64)])
  func theModuleAndTheTreeFollow(mebibytes: UInt64, size: UInt64, module: UInt64, start: UInt64, tree: UInt64) {
    let prediction = arm(image(offset: 0x1000, size: size), mebibytes: mebibytes, module: module).prediction
    #expect(prediction?.value(of: "x0") == tree)
    #expect(prediction?.start(of: "initrd") == (module == 0 ? nil : start))
  }

  /// The words at 0x40000000 that QEMU's monitor showed, then the device tree's address and the entry.
  @Test func theStubHandsOver() throws {
    let prediction = try #require(arm(image(offset: 0x8_0000, size: 0x1_0000)).prediction)
    let stub = try #require(prediction.pieces.first { $0.destination.start.value == 0x4000_0000 })
    guard case .blob(let index) = stub.source else {
      Issue.record("\(stub)")
      return
    }
    let words: [UInt32] = [
      0x5800_00c0, 0xaa1f_03e1, 0xaa1f_03e2, 0xaa1f_03e3, 0x5800_0084, 0xd61f_0080, 0x4800_0000, 0, 0x4008_0000, 0,
    ]
    let bytes = prediction.blobs[index].bytes
    #expect(bytes == words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
  }

  @Test func imagesThatDoNotFit() {
    #expect(
      arm(image(offset: 0x8_0000, size: 0x9_0000_0000), mebibytes: 128).refusal?.words
        == "kernel 'k' is too large to fit in RAM (kernel size 38654705664, RAM size 134217728)")
    #expect(
      arm(image(offset: 0x8_0000, size: 0x7e0_0000), mebibytes: 128, module: 800).refusal?.words
        == "Not enough space for DTB after kernel/initrd")
  }

  @Test func anELFFileIsNotLinux() throws {
    let file = ELFBuilder(machine: .aarch64, entry: 0x4020_0000)
      .segment(flags: [.read, .execute], virtual: 0x4020_0000, bytes: [0, 0, 0, 0x14])
    let prediction = try #require(arm(file.build(), module: 5).prediction)
    #expect(prediction.value(of: "x0") == 0)
    #expect(prediction.decisions.first { $0.subject == "device tree" }?.choice == "0x40000000")
    #expect(prediction.remarks.map(\.kind) == [.moduleIgnored])
    // Either byte order: QEMU started with a big-endian file.
    let big = ELFBuilder(byteOrder: .big, machine: .aarch64, entry: 0x4020_0000)
      .segment(flags: [.read, .execute], virtual: 0x4020_0000, bytes: [0, 0, 0, 0x14]).build()
    #expect(arm(big).prediction?.start(of: "segment 0") == 0x4020_0000)
    // p_paddr is the link address: nothing arrives.
    let linked = ELFBuilder(machine: .aarch64).segment(virtual: 0xffff_8000_0000_0000, bytes: [1]).build()
    #expect(arm(linked).prediction?.pieces.isEmpty == true)
    #expect(arm(ELFBuilder().segment(virtual: 0x4020_0000, bytes: [1]).build()).refusal?.words == "")
  }

  @Test(
    arguments: [(128, 0x8420_0000, 0x87e0_0000), (512, 0x8820_0000, 0x9fe0_0000), (3072, 0x8820_0000, 0xbfe0_0000)]
      as [(UInt64, UInt64, UInt64)])
  func aRawRISCVImageFollowsOpenSBI(mebibytes: UInt64, module: UInt64, tree: UInt64) {
    let prediction = riscv([0x6f, 0, 0, 0], mebibytes: mebibytes, module: 800).prediction
    #expect(prediction?.entry.address == 0x8020_0000)
    #expect(prediction?.start(of: "initrd") == module)
    #expect(prediction?.value(of: "a1") == tree)
  }

  @Test func aRISCVFileIsEnteredAtItsLowestAddress() {
    let code: [UInt8] = [0x6f, 0, 0, 0]
    let file = ELFBuilder(machine: .riscv, entry: 0x8030_0004)
      .segment(flags: [.read, .execute], virtual: 0x8030_0000, bytes: code + code)
    #expect(riscv(file.build()).prediction?.entry.address == 0x8030_0000)
    // Of another processor: a raw image.
    #expect(riscv(ELFBuilder().segment(virtual: 0x8030_0000, bytes: code).build()).prediction?.reading == "raw image")
    let low = ELFBuilder(machine: .riscv).segment(virtual: 0x8001_0000, bytes: code).build()
    #expect(riscv(low).refusal?.words == "Some ROM regions are overlapping")
    // The reset vector lies at 0x1000.
    let vector = ELFBuilder(machine: .riscv).segment(virtual: 0xff0, bytes: [UInt8](repeating: 1, count: 32)).build()
    #expect(riscv(vector).refusal?.words == "Some ROM regions are overlapping")
    // Seen: OpenSBI never comes to 0x80040000.
    let inside = ELFBuilder(machine: .riscv).segment(virtual: 0x8004_0000, bytes: code).build()
    #expect(riscv(inside).misbehaviour?.effect == "hangs in OpenSBI")
    #expect(riscv([]).refusal?.words == "could not load kernel 'k'")
    #expect(riscv(code, mebibytes: 4).refusal?.words == "Some ROM regions are overlapping")
  }

  /// Seen with QEMU: each is entered at its first byte.
  @Test func whatIsNotTakenIsARawImage() throws {
    let elf = ELFBuilder(machine: .riscv).segment(virtual: 0x8030_0000, bytes: [0x6f, 0, 0, 0]).build()
    var outside = elf
    outside[36] = 1
    let other = ELFBuilder().segment(virtual: 0x8030_0000, bytes: [1]).build()
    for file in [outside, other, Array(elf.prefix(60)), Array(elf.prefix(100)), [0x1f, 0x8b, 8, 0, 0]] {
      let prediction = try #require(riscv(file).prediction)
      #expect(prediction.entry.address == 0x8020_0000)
      #expect(prediction.remarks.map(\.kind) == [.entryElsewhere])
    }
    #expect(riscv([0x6f, 0, 0, 0]).prediction?.remarks == [])
    #expect(arm(Array(elf.prefix(60))).prediction?.remarks.map(\.kind) == [.entryElsewhere])
  }

  /// RFC 1952: method 8, no reserved flags, and the extra field, name and comment within the file. Each that is not, QEMU
  /// loaded as it was.
  @Test(
    arguments: [
      (8, 0, [], true), (7, 0, [], false), (8, 0xe0, [], false), (8, 4, [0, 1], false), (8, 4, [2, 0], true),
      (8, 8, [0x61, 0], true), (8, 0x10, [0x61, 0], true), (8, 2, [], true),
    ] as [(UInt8, UInt8, [UInt8], Bool)])
  func gzipIsUnpackedWhereItsHeaderIsWhole(method: UInt8, flags: UInt8, rest: [UInt8], isPacked: Bool) {
    let head = [0x1f, 0x8b, method, flags, 0, 0, 0, 0, 0, 3] + rest
    let outcome = arm(head + [UInt8](repeating: 1, count: 8))
    #expect((outcome.refusal?.evidence.contains("gzip") == true) == isPacked)
    #expect(outcome.prediction.map { $0.hasRemark(.entryElsewhere) } == (isPacked ? nil : true))
    // A name, and no 0 after it.
    let name = [0x1f, 0x8b, 8, 8] + [UInt8](repeating: 1, count: 60)
    #expect(arm(name).prediction?.entry.address == 0x4008_0000)
  }
}
