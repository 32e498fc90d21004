import Loaders
import Placement
@testable import RealLoaders
import Testing

/// What was seen of the named images with QEMU 7.2, one by one; that the machine does the same is for the judge to say.
@Suite struct QEMURecordedTests {
  struct Missing: Error {}

  /// By judge and name.
  private static let images = Dictionary(
    uniqueKeysWithValues: QEMUJudge.all.map { judge in
      (judge.name, Dictionary(uniqueKeysWithValues: QEMUImage.recorded(judge.kind).map { ($0.name, $0.image) }))
    })

  private func outcome(_ judge: QEMUJudge, _ name: String) throws -> LoaderOutcome {
    guard let image = Self.images[judge.name]?[name] else { throw Missing() }
    let run = try QEMURun(image, judge.real.layout, timeLimit: .seconds(1))
    return run.bytes.withRawSpan { judge.real.model($0, run.request) }
  }

  @Test(
    arguments: [
      (.multiboot, "OpenSolaris, 64 bits", "Cannot load x86-64 image, give a 32bit one."),
      (.multiboot, "a segment of no size, outside the rest", "Error while fetching elf kernel from rom"),
      (.multiboot, "bytes over another's bytes", "Some ROM regions are overlapping"),
      (.multiboot, "fields, header_addr below load_addr", "invalid load_addr address"),
      (.multiboot, "fields, more bytes than the file has", "fread() failed"),
      (.pvh, "bytes over another's bytes, the higher first", "Some ROM regions are overlapping"),
      (.pvh, "flags 0x10004", "elfboot unsupported flags = 10004"),
      (.pvh, "no note", "Error loading uncompressed kernel without PVH ELF Note"),
      (.pvh, "for AArch64", "Error while loading elf kernel"),
      (.linux, "setup_sects more than the file", "qemu: invalid kernel header"),
      (.linux, "a module for protocol 0x1ff", "qemu: linux kernel too old to load a ram disk"),
      (.aarch64, "no room for the device tree", "Not enough space for DTB after kernel/initrd"),
    ] as [(QEMUJudge, String, String)])
  func refuses(judge: QEMUJudge, name: String, words: String) throws {
    guard case .refuses(let refusal) = try outcome(judge, name) else { throw Missing() }
    #expect(refusal.words == words)
  }

  /// Between the segments of OpenSolaris the buffer is not cleared.
  @Test(
    arguments: [
      (.multiboot, "OpenSolaris, 32 bits", 0x4080_0000, [.unspecified]),
      (.multiboot, "OpenSolaris, 32 bits, beyond memory", 0x4080_0000, [.unspecified, .outsideMemory]),
      (.multiboot, "a segment of no size, inside another", 0x20_0010, []),
      (.pvh, "OpenSolaris, 64 bits", 0x4080_0000, []),
      (.pvh, "OpenSolaris, 64 bits, beyond memory", 0x4080_0000, [.outsideMemory]),
      (.pvh, "a note of another's name", 0x20_0010, []),
      (.pvh, "two segments of notes", 0x20_0020, []),
      (.pvh, "on no multiple of anything", 0x20_0133, []),
      (.pvh, "zeros over a later segment", 0x20_0010, [.notZeroed]),
      (.pvh, "entry in no segment", 0x30_0000, [.entryOutsideImage]),
      (.aarch64, "text_offset 0", 0x4020_0000, []),
      (.aarch64, "text_offset 0x80000", 0x4008_0000, []),
      (.aarch64, "image_size 0", 0x4008_0000, []),
      (.aarch64, "text_offset 0x1000, large", 0x4000_1000, []),
      (.aarch64, "ELF, entry translated", 0x4020_0010, []),
    ] as [(QEMUJudge, String, UInt64, Set<Remark.Kind>)])
  func loads(judge: QEMUJudge, name: String, entry: UInt64, remarks: Set<Remark.Kind>) throws {
    guard case .loads(let plan) = try outcome(judge, name) else { throw Missing() }
    #expect(plan.entry.address == entry)
    #expect(Set(plan.remarks.map(\.kind)) == remarks)
  }

  /// Seen: the first hangs QEMU, which ignores SIGTERM; the second ends it with SIGFPE.
  @Test(arguments: ["more bytes in the file than in memory", "p_align 0"]) func isNotFed(name: String) throws {
    guard case .misbehaves = try outcome(.pvh, name) else { throw Missing() }
  }
}
