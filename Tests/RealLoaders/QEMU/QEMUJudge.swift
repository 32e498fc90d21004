import Loaders
public import Placement
public import TestSupport

/// QEMU's `-kernel` as the judge of one model of it.
public struct QEMUJudge: Judge {
  public let name: String
  public let loaders: [LoaderName]
  public let counts = ImageCounts(full: 300, quick: 12)
  let kind: QEMUProtocol
  let real: RealQEMU

  public static let all = [multiboot, pvh, linux, aarch64, riscv64]

  public static let multiboot = QEMUJudge(
    name: "QEMU 7.2, Multiboot", loaders: [.qemuMultiboot], kind: .multiboot, real: RealQEMU(.pc, QEMU.x86))
  public static let pvh = QEMUJudge(
    name: "QEMU 7.2, PVH", loaders: [.qemuPVH], kind: .pvh, real: RealQEMU(.pc, QEMU.x86))
  public static let linux = QEMUJudge(
    name: "QEMU 7.2, bzImage", loaders: [.qemuLinux], kind: .linux, real: RealQEMU(.pc, QEMU.x86))
  public static let aarch64 = QEMUJudge(
    name: "QEMU 7.2, AArch64 virt", loaders: [.qemuAArch64], kind: .aarch64, real: RealQEMU(.virtAArch64, QEMU.aarch64))
  public static let riscv64 = QEMUJudge(
    name: "QEMU 7.2, RISC-V virt", loaders: [.qemuRISCV], kind: .riscv, real: RealQEMU(.virtRISCV, QEMU.riscv64))

  public var missing: String? { real.missing }

  /// Recorded cases; every real image of the machine, and some of another, which are refused or taken for something else.
  public var named: [NamedImage<QEMUImage>] {
    let images =
      switch kind {
      case .multiboot: [RealImages.xen]
      case .pvh: RealImages.grubForXen + RealImages.x86.filter { $0.name.hasPrefix("U-Boot") }
      case .linux:
        RealImages.x86.filter { image in
          image != RealImages.xen && !RealImages.grubForXen.contains(image) && !image.name.hasPrefix("U-Boot")
        }
      case .aarch64: RealImages.aarch64 + RealImages.grubForXen + RealImages.riscv64.suffix(2)
      case .riscv: RealImages.riscv64 + RealImages.grubForXen + RealImages.aarch64.prefix(2)
      }
    return QEMUImage.recorded(kind)
      + images.filter(\.isExpected).map { image in
        NamedImage(
          image.name,
          QEMUImage(file: .real(image), mebibytes: 128, commandLine: "console=ttyS0", moduleSizes: [0x1234]),
          isCheap: !image.path.contains("/linux-image-"))
      }
  }

  public func draw(_ random: inout SeededGenerator) -> QEMUImage {
    var image = QEMUImage(file: file(&random))
    // 3583 MiB are all below 4 GiB on `pc`, of 3584 MiB 512 are above.
    image.mebibytes = random.oneIn(2) ? 64 : random.pick([128, 512, 3583, 3584])
    image.commandLine = random.pick(["", "x", "a=1 b", "console=ttyS0,115200 quiet"])
    let count = random.oneIn(2) ? 0 : random.draw(1...(kind == .multiboot ? 3 : 1))
    image.moduleSizes = (0..<count).map { _ in random.oneIn(12) ? 0 : Int(random.draw(1...9000)) }
    if kind == .linux { drawLinuxOptions(&image, &random) }
    return image
  }

  private func file(_ random: inout SeededGenerator) -> QEMUImage.File {
    switch kind {
    case .multiboot where random.oneIn(3): .fields(RandomFields(using: &random))
    case .aarch64 where random.oneIn(2), .riscv where random.oneIn(3): .raw(RandomImage(using: &random))
    case .linux: .linux(RandomLinux(using: &random))
    case .multiboot, .pvh, .aarch64, .riscv: .elf(RandomELF(kind, using: &random))
    }
  }

  private func drawLinuxOptions(_ image: inout QEMUImage, _ random: inout SeededGenerator) {
    if random.oneIn(5) {
      image.commandLine = random.pick([
        "vga=0x123", "vga=normal quiet", "a vga=ask", "vga=ext", "vga=", "vga=-1", "vga=791", "vga=017", "xvga=1x",
        String(repeating: "long ", count: 500),
      ])
    }
    if !image.moduleSizes.isEmpty, random.oneIn(12) { image.moduleSizes = [Int(random.draw(0x10_0000...0x440_0000))] }
  }

  public func verdicts(on images: [QEMUImage]) throws -> [Verdict] { images.map(real.verdict) }
}
