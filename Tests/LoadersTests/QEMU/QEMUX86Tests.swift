import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// What QEMU 7.2 did with each file, as its monitor and its standard error said.
@Suite struct QEMUX86Tests {
  private let request = LoaderRequest(machine: memoryMap(from: 0, mebibytes: 128), imageName: "k")
  private let mark: [UInt8] = [0x02, 0xb0, 0xad, 0x1b, 0, 0, 0, 0, 0xfe, 0x4f, 0x52, 0xe4]

  private func load(_ image: [UInt8], _ request: LoaderRequest? = nil) -> LoaderOutcome {
    image.withRawSpan { QEMU.x86($0, request ?? self.request) }
  }

  private func pvh(machine: Machine = .x86_64, flags: UInt32 = 0) -> ELFBuilder {
    ELFBuilder(machine: machine, flags: flags)
      .segment(flags: [.read, .execute], virtual: 0x20_0000, bytes: [0xeb, 0xfe], memorySize: 0x40)
  }

  private func note(_ owner: String = "Xen") -> (ELFBuilder) -> [UInt8] {
    { $0.note(owner: owner, type: 18, descriptor: [0, 0, 0x20, 0, 0, 0, 0, 0]).build() }
  }

  /// Where QEMU's start info said that the initrd was, 0x320 bytes on `pc` with 128 MiB.
  @Test func theModuleLiesBelowTheTables() throws {
    var request = request
    request.modules = [.init(name: "initrd", size: ByteCount(0x320))]
    let prediction = try #require(load(note()(pvh()), request).prediction)
    #expect(prediction.pieces.contains { $0.source == .module(0) && $0.destination.start.value == 0x7fd_7000 })
  }

  @Test func aNoteOfAnyOwnerIsTheEntry() throws {
    let prediction = try #require(load(note("ABC")(pvh())).prediction)
    #expect(prediction.loader == .qemuPVH)
    #expect(prediction.entry.address == 0x20_0000)
    #expect(prediction.value(of: "cr0") == 0x11)
    #expect(prediction.start(of: "segment 0") == 0x20_0000)
    #expect(prediction.pieces.first?.zeroFill == ByteCount(0x3e))
  }

  @Test func whatIsNoPVHIsRefusedInQEMUsWords() {
    #expect(load(note()(pvh(flags: 4))).refusal?.words == "elfboot unsupported flags = 4")
    #expect(load(pvh().build()).refusal?.words == "Error loading uncompressed kernel without PVH ELF Note")
    #expect(load(note()(pvh(machine: .aarch64))).refusal?.words == "Error while loading elf kernel")
  }

  @Test func filesThatQEMUIsNotFedWith() {
    let overlong = pvh().segment(virtual: 0x30_0000, bytes: [1, 2, 3], memorySize: 1)
    #expect(load(note()(overlong)).misbehaviour?.effect == "hangs, filling memory with zeros")
    let undivided = pvh().segment(type: .note, bytes: [UInt8](repeating: 1, count: 16), alignment: 0)
    #expect(load(undivided.build()).misbehaviour?.effect == "crashes, dividing by zero")
  }

  @Test func zerosGiveWayAndBytesDoNot() throws {
    let zeros = pvh().segment(virtual: 0x20_0020, bytes: [1])
    let prediction = try #require(load(note()(zeros)).prediction)
    #expect(prediction.remarks.contains { $0.kind == .notZeroed })
    #expect(prediction.pieces.first?.zeroFill == .zero)
    #expect(
      load(note()(pvh().segment(virtual: 0x20_0001, bytes: [1]))).refusal?.words == "Some ROM regions are overlapping")
  }

  /// Seen with paddr 0x100200000 on a small machine: the bytes are nowhere.
  @Test func whatIsOutsideMemoryIsDropped() throws {
    let high = pvh().segment(virtual: 0x1_0020_0000, bytes: [1])
    let prediction = try #require(load(note()(high)).prediction)
    #expect(prediction.remarks.map(\.kind) == [.outsideMemory])
    #expect(prediction.start(of: "segment 1") == nil)
  }

  @Test func theMultibootBufferIsKernelTableStringsModules() throws {
    var request = request
    request.modules = [.init(name: "m1", size: ByteCount(5), arguments: "a"), .init(name: "m2", size: ByteCount(6))]
    let image = ELFBuilder(class: .bits32, machine: .i386, entry: 0x20_0000)
      .segment(flags: [.read, .execute], virtual: 0x20_0000, bytes: mark + [0xeb, 0xfe], memorySize: 0x6014).build()
    let prediction = try #require(load(image, request).prediction)
    // Seen: kernel 0x200000 to 0x206014, table 0x207000, strings 0x207020, modules 0x208000 and 0x209000.
    #expect(prediction.start(of: "module table") == 0x20_7000)
    #expect(prediction.start(of: "strings") == 0x20_7020)
    #expect(prediction.start(of: "module 0") == 0x20_8000)
    #expect(prediction.start(of: "module 1") == 0x20_9000)
    #expect(prediction.value(of: "eax") == 0x2bad_b002)
    #expect(prediction.value(of: "ebx") == 0x9500)
  }

  @Test func multibootFilesForOtherLoaders() {
    let wide = ELFBuilder().segment(virtual: 0x20_0000, bytes: mark).build()
    #expect(load(wide).refusal?.words == "Cannot load x86-64 image, give a 32bit one.")
    let empty = ELFBuilder(class: .bits32, machine: .i386).segment(virtual: 0x20_0000, bytes: mark)
      .segment(virtual: 0x30_0000)
    #expect(load(empty.build()).refusal?.words == "Error while fetching elf kernel from rom")
  }

  @Test func linuxGoesWhereItsProtocolSays() throws {
    var request = request
    request.commandLine = "hello"
    request.modules = [.init(name: "i", size: ByteCount(0x320))]
    let image = BzImageBuilder(version: 0x20f, protectedMode: [UInt8](repeating: 1, count: 5000))
      .patch(0x22c, [0xff, 0xff, 0xff, 0x7f]).build()
    let prediction = try #require(load(image, request).prediction)
    #expect(prediction.start(of: "setup") == 0x1_0000)
    #expect(prediction.start(of: "command line") == 0x2_0000)
    #expect(prediction.start(of: "payload") == 0x10_0000)
    // Seen on pc and q35 with 128 MiB and this size.
    #expect(prediction.start(of: "initrd") == 0x7fd_f000)
    #expect(prediction.value(of: "esp") == 0xfff0)
    let header = try #require(prediction.blobs.first?.bytes)
    #expect(header[0x210] == 0xb0)
    #expect(header[0x211] == 0x81)
    #expect(Array(header[0x224..<0x226]) == [0, 0xfe])
  }

  /// Seen on `pc` with 64 MiB: the option ROM moves what does not end on the page of initrd_addr_max to the end of memory
  /// that the firmware tells, 0x3fe0000.
  @Test(
    arguments: [
      (0x2ff_ffff, 3, 0x2ff_f000), (0x200_0000, 3, 0x3fd_f000), (0x11_0000, 0x1ae4, 0x3fd_e000),
      (0x37ff_ffff, 0, 0x3fe_0000), (0x1000, 936, 0),
    ] as [(UInt32, UInt64, UInt64)])
  func theModuleIsMovedUnlessItsEndIsTheGreatest(greatest: UInt32, size: UInt64, address: UInt64) throws {
    var request = LoaderRequest(machine: memoryMap(from: 0, mebibytes: 64), imageName: "k")
    request.modules = [.init(name: "i", size: ByteCount(size))]
    let image = BzImageBuilder(version: 0x20f, protectedMode: [1])
      .patch(0x22c, (0..<4).map { UInt8(truncatingIfNeeded: greatest >> ($0 * 8)) }).build()
    let prediction = try #require(load(image, request).prediction)
    #expect(prediction.decisions.first { $0.subject == "module" }?.choice == "0x\(String(address, radix: 16))")
    let setup = try #require(prediction.blobs.first?.bytes)
    #expect((0..<4).allSatisfy { setup[0x218 + $0] == UInt8(truncatingIfNeeded: address >> (8 * UInt64($0))) })
  }

  /// As strtol reads numbers: QEMU started with "vga=-1", and "vga=" is its error.
  @Test(
    arguments: [
      ("vga=-1", 0xffff), ("vga=017", 15), ("vga=0x123 quiet", 0x123), ("xvga=791", 791), ("vga=", nil),
      ("vga=1x", nil), ("vga=0x", nil), ("vga=4294967296", nil),
    ] as [(String, UInt16?)])
  func theVideoModeIsANumberOfC(commandLine: String, mode: UInt16?) {
    var request = request
    request.commandLine = commandLine
    let outcome = load(BzImageBuilder(version: 0x20f, protectedMode: [1]).build(), request)
    let setup = outcome.prediction?.blobs.first?.bytes
    #expect(setup.map { UInt16($0[0x1fa]) | UInt16($0[0x1fb]) << 8 } == mode)
    #expect(outcome.refusal?.words == (mode == nil ? "qemu: invalid 'vga=' kernel parameter." : nil))
  }

  /// Seen where a setup reaches as far: IP 0 and CS 0x1020 lie below the stack at the entry.
  @Test func theFarReturnStaysBelowTheStack() throws {
    let image = BzImageBuilder(version: 0x20f, setupSectors: 200, protectedMode: [1]).build()
    let prediction = try #require(load(image).prediction)
    let piece = try #require(prediction.pieces.last)
    #expect(piece.destination.start.value == 0x1_ffec)
    #expect(piece.source == .blob(prediction.blobs.count - 1))
    #expect(prediction.blobs.last?.bytes == [0, 0, 0x20, 0x10])
  }

  @Test func linuxIsRefusedInQEMUsWords() {
    var request = request
    request.modules = [.init(name: "i", size: ByteCount(1))]
    let old = BzImageBuilder(version: 0x1ff, protectedMode: []).build()
    #expect(load(old, request).refusal?.words == "qemu: linux kernel too old to load a ram disk")
    let short = BzImageBuilder(version: 0x20f, protectedMode: []).patch(0x1f1, [200]).build()
    #expect(load(short).refusal?.words == "qemu: invalid kernel header")
    request.modules[0].size = .gibibytes(1)
    let large = BzImageBuilder(version: 0x202, protectedMode: []).build()
    // 128 MiB less 160 KiB less 1.
    #expect(
      load(large, request).refusal?.words
        == "qemu: initrd is too large, cannot support.(max: 134053887, need 1073741824)")
  }

  @Test func truncationsAndNoiseNeverCrash() {
    let valid = [
      note()(pvh()), BzImageBuilder(version: 0x20f, protectedMode: [1]).build(),
      ELFBuilder(class: .bits32, machine: .i386).segment(virtual: 0x20_0000, bytes: mark).build(),
    ]
    let models = [QEMU.x86, QEMU.aarch64, QEMU.riscv64]
    var generator = SeededGenerator(seed: 1)
    for image in valid {
      for _ in 0..<400 {
        var copy = Array(image.prefix(generator.oneIn(2) ? image.count : Int(generator.draw(0...UInt64(image.count)))))
        for _ in 0..<4 where !copy.isEmpty {
          copy[Int(generator.draw(0...UInt64(min(copy.count, 240) - 1)))] = generator.pick([0, 1, 0x7f, 0x80, 0xff])
        }
        for model in models { _ = copy.withRawSpan { model($0, request) } }
      }
    }
  }
}
