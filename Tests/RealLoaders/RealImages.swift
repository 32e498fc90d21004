import Foundation
public import TestSupport

/// A kernel or boot loader that others built, fetched from Debian's archive into the ignored cache.
public struct RealImage: Hashable, Sendable {
  /// "memtest86+x64.bin".
  public var name: String
  public var path: String
  /// What fetches it: "scripts/fetch-images".
  public var script: String

  public var isPresent: Bool { FileManager.default.fileExists(atPath: path) }

  /// Whether tests that need the image run: where CI is set they always do, so that a missing image is a failure.
  public var isExpected: Bool { ProcessInfo.processInfo.environment["CI"] != nil || isPresent }

  /// - Throws: an error that says which script was not run.
  public func bytes() throws -> [UInt8] {
    guard isPresent else { throw Missing(image: self) }
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  struct Missing: Error, CustomStringConvertible {
    let image: RealImage
    var description: String { "\(image.name) is not there: \(image.script) was not run" }
  }
}

/// Real images, by the machine that they are for.
public enum RealImages {
  public static let x86 =
    [kernel(.cloud), kernel(.generic), xen] + ["ia32", "x64"].map { fetched("memtest86+", "boot/memtest86+\($0).bin") }
    + grubForXen + [
      fetched("ipxe", "boot/ipxe.lkrn"), fetched("syslinux-common", "usr/lib/syslinux/memdisk"),
      uBoot("qemu-x86", "u-boot.bin"), uBoot("qemu-x86", "u-boot.rom"), uBoot("qemu-x86", "uboot.elf"),
      uBoot("qemu-x86_64", "u-boot.bin"), uBoot("qemu-x86_64", "uboot.elf"),
    ]

  public static let aarch64 = [
    kernel(.cloudARM), uBoot("qemu_arm64", "u-boot.bin"), uBoot("qemu_arm64", "uboot.elf"),
    uBoot("qemu_arm", "u-boot.bin"), uBoot("qemu_arm", "uboot.elf"),
  ]

  public static let riscv64 =
    ["fw_dynamic", "fw_jump"].flatMap { name in
      ["bin", "elf"].map { fetched("opensbi", "usr/lib/riscv64-linux-gnu/opensbi/generic/\(name).\($0)") }
    } + [
      uBoot("qemu-riscv64", "u-boot.bin"), uBoot("qemu-riscv64", "uboot.elf"),
      uBoot("qemu-riscv64_smode", "u-boot.bin"), uBoot("qemu-riscv64_smode", "uboot.elf"),
    ]

  /// GRUB as the kernel of a paravirtual domain, in both widths, and of a PVH domain.
  public static let grubForXen = ["i386-xen", "x86_64-xen", "i386-xen_pvh"].map {
    fetched("grub-xen-host", "usr/lib/grub-xen/grub-\($0).bin")
  }

  /// The hypervisor, a Multiboot kernel.
  public static let xen = RealImage(
    name: "xen.elf", path: PackageRoot.url.appendingPathComponent(".cache/xen/xen.elf").path,
    script: "scripts/fetch-xen")

  public static let all = x86 + aarch64 + riscv64

  public static func kernel(_ kernel: DebianKernel) -> RealImage {
    RealImage(name: kernel.rawValue, path: kernel.path, script: "scripts/fetch-kernel \(kernel.rawValue)")
  }

  private static func uBoot(_ machine: String, _ file: String) -> RealImage {
    var image = fetched("u-boot-qemu", "usr/lib/u-boot/\(machine)/\(file)")
    image.name = "U-Boot, \(machine), \(file)"
    return image
  }

  private static func fetched(_ package: String, _ file: String) -> RealImage {
    let path = PackageRoot.url.appendingPathComponent(".cache/images/\(package)/\(file)").path
    let name = file.split(separator: "/").last.map(String.init) ?? file
    return RealImage(name: name, path: path, script: "scripts/fetch-images")
  }
}
