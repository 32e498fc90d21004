import KernelImage
import Placement
import TestSupport

/// Images whose fate under QEMU 7.2 was written down, or that stand at the edge of a rule.
extension QEMUImage {
  static func recorded(_ kind: QEMUProtocol) -> [NamedImage<QEMUImage>] {
    switch kind {
    case .multiboot: multibootFiles + multibootFields + multibootPlaces
    case .pvh: pvhFiles + pvhNotes + pvhPlaces + hostile(.qemuPVH)
    case .linux: linuxProtocols + linuxModules
    case .aarch64: aarch64Images + aarch64Files + hostile(.qemuAArch64)
    case .riscv: riscvFiles + hostile(.qemuRISCV)
    }
  }

  static func named(
    _ name: String, _ bytes: [UInt8], mebibytes: UInt64 = 64, commandLine: String = "", modules: [Int] = []
  ) -> NamedImage<QEMUImage> {
    NamedImage(
      name,
      QEMUImage(file: .made(bytes), mebibytes: mebibytes, commandLine: commandLine, moduleSizes: modules))
  }

  /// What images have done to loaders.
  private static func hostile(_ loader: LoaderName) -> [NamedImage<QEMUImage>] {
    [named("hostile: none of it", MarkedKernel(for: loader).bytes)]
      + VulnerabilityClass.allCases.map { named("hostile: \($0.rawValue)", $0.image(for: loader)) }
  }
}

/// A PT_LOAD segment of a recorded image.
struct RecordedPart {
  var virtual: UInt64
  var physical: UInt64
  var file: Int
  var memory: UInt64

  init(_ virtual: UInt64, at physical: UInt64? = nil, file: Int = 0x100, memory: UInt64? = nil) {
    self.virtual = virtual
    self.physical = physical ?? virtual
    self.file = file
    self.memory = memory ?? UInt64(file)
  }

  /// OpenSolaris's Xen kernels: the first is linked at its physical address, the kernel proper in the higher half.
  static let solaris32 = [
    RecordedPart(0x4080_0000, file: 0xe95c),
    RecordedPart(0xfb40_0000, at: 0x4000_0000, file: 0x2a_a362),
    RecordedPart(0xfb80_0000, at: 0x4040_0000, file: 0x1_6515, memory: 0x9_4a44),
  ]
  static let solaris64 = [
    RecordedPart(0x4080_0000, file: 0xed28),
    RecordedPart(0xffff_ffff_fb80_0000, at: 0x4000_0000, file: 0x39_adca),
    RecordedPart(0xffff_ffff_fbc0_0000, at: 0x4040_0000, file: 0x2_0fe9, memory: 0xe_36c0),
  ]

  /// What loaders disagree about, with one segment at `base` for the entry.
  static func edges(from base: UInt64) -> [(name: String, parts: [RecordedPart])] {
    let first = RecordedPart(base, file: 0x1000)
    let second = RecordedPart(base + 0x800, file: 0x1000)
    let long = RecordedPart(base, memory: 0x3000)
    return [
      ("zeros behind the bytes", [RecordedPart(base, memory: 0x2345)]),
      ("a segment of no size, outside the rest", [first, RecordedPart(base + 0x10_0000, file: 0)]),
      ("a segment of no size, inside another", [first, RecordedPart(base + 0x800, file: 0)]),
      ("a segment of no size, below the rest", [first, RecordedPart(base - 0x2000, file: 0)]),
      ("a segment of zeros alone", [first, RecordedPart(base + 0x4000, file: 0, memory: 0x1234)]),
      ("bytes over another's bytes", [first, second]),
      ("bytes over another's bytes, the higher first", [second, first]),
      ("zeros over a later segment", [long, RecordedPart(base + 0x1000, memory: 0x1000)]),
      ("zeros over an earlier segment", [RecordedPart(base + 0x1000, memory: 0x1000), long]),
      ("zeros up to the next segment", [RecordedPart(base, memory: 0x1000), RecordedPart(base + 0x1000)]),
      ("the same segment three times", [first, first, first]),
      ("on no multiple of anything", [RecordedPart(base + 0x123, memory: 0x1001)]),
      ("more bytes in the file than in memory", [RecordedPart(base, memory: 0x10)]),
      ("no segment", []),
    ]
  }
}

extension ELFBuilder {
  /// Adds segments of bytes that tell where they belong, the first one's behind `head`.
  func parts(_ parts: [RecordedPart], head: [UInt8] = [], flags: SegmentFlags = [.read, .execute]) -> ELFBuilder {
    parts.enumerated().reduce(self) { builder, each in
      let (index, part) = each
      var bytes = (0..<part.file).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ $0 >> 8 &+ index &* 31 &+ 1) }
      if index == 0, bytes.count >= head.count { bytes.replaceSubrange(0..<head.count, with: head) }
      return builder.segment(
        flags: flags, virtual: part.virtual, physical: part.physical, bytes: bytes, memorySize: part.memory,
        alignment: 1)
    }
  }
}
