import Addresses
import BootProtocols
import Foundation
import KernelImage
import Loaders
import Machines
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// QEMU itself judges the models of QEMU.
@Suite(.serialized) struct RealQEMUTests {
  /// Where SeaBIOS and the option ROMs write as well.
  private static let firmware: [Range<UInt64>] = [0..<0x10_0000, 0x2fe_0000..<0x400_0000]
  private static var multiboot: RealQEMU { RealQEMU(layout: .pc, stop: .entry, model: QEMU.x86, ignored: firmware) }
  private static var pvh: RealQEMU { RealQEMU(layout: .pc, stop: .reset, model: QEMU.x86, ignored: firmware) }
  private static var arm: RealQEMU { RealQEMU(layout: .virtAArch64, stop: .reset, model: QEMU.aarch64) }
  private static var riscv: RealQEMU {
    RealQEMU(
      layout: .virtRISCV, stop: .reset, model: QEMU.riscv64, ignored: [0x8000_0000..<0x8020_0000])
  }

  @Test(arguments: [RandomELF.Kind.multiboot, .pvh, .aarch64, .riscv])
  func generatedFilesAreLoadedAsPredicted(kind: RandomELF.Kind) {
    let found = counterexample(
      seeds: 0..<RealQEMU.imageCount, from: { RandomELF(kind, using: &$0) },
      problem: { file in Self.judge(kind).difference(file.bytes, modules: file.modules, commandLine: "a=1 b") })
    #expect(found == nil, "\(found?.description ?? "")")
  }

  private static func judge(_ kind: RandomELF.Kind) -> RealQEMU {
    switch kind {
    case .multiboot: multiboot
    case .pvh: pvh
    case .aarch64: arm
    case .riscv: riscv
    }
  }

  @Test func generatedImagesAreLoadedAsPredicted() {
    let found = counterexample(
      seeds: 0..<RealQEMU.imageCount, from: { RandomImage(using: &$0) },
      problem: { Self.arm.difference($0.bytes, modules: $0.modules) })
    #expect(found == nil, "\(found?.description ?? "")")
  }

  @Test func generatedAddressFieldsAreLoadedAsPredicted() {
    let found = counterexample(
      seeds: 0..<RealQEMU.imageCount, from: { RandomFields(using: &$0) },
      problem: { Self.multiboot.difference($0.bytes, modules: [[1, 2, 3]], commandLine: "x") })
    #expect(found == nil, "\(found?.description ?? "")")
  }

  @Test(arguments: [0x1ff, 0x200, 0x201, 0x202, 0x203, 0x20c, 0x20f] as [UInt16], [0, 1] as [UInt8])
  func linuxImagesOfEachProtocolAreLoadedAsPredicted(version: UInt16, flags: UInt8) {
    let payload = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    var builder = BzImageBuilder(version: version, loadFlags: flags, protectedMode: payload)
    builder = builder.patch(0x22c, [0xff, 0xff, 0xff, 0x02])
    let difference = Self.multiboot.difference(
      builder.build(), modules: version < 0x200 ? [] : [[9, 8, 7]], commandLine: "hello vga=0x123")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(.enabled(if: DebianKernel.cloud.isExpected)) func debiansKernelIsLoadedAsPredicted() throws {
    let image = [UInt8](try Data(contentsOf: URL(fileURLWithPath: DebianKernel.cloud.path)))
    let difference = Self.multiboot.difference(image, modules: [[1, 2, 3, 4]], commandLine: "console=ttyS0")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(.enabled(if: DebianKernel.cloudARM.isExpected)) func debiansImageIsLoadedAsPredicted() throws {
    let image = [UInt8](try Data(contentsOf: URL(fileURLWithPath: DebianKernel.cloudARM.path)))
    let difference = Self.arm.difference(image, modules: [[1, 2, 3, 4]])
    #expect(difference == nil, "\(difference ?? "")")
  }
}
