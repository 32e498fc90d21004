import KernelImage
import Loaders
import Placement
import TestSupport

/// Images of one format, each odd in one respect.
struct PageFormat: Sendable {
  struct Property: Sendable {
    let name: String
    var modules = 0
    let bytes: @Sendable (LoaderName) -> [UInt8]
  }

  let title: String
  /// What the sound image is.
  let sound: String
  let loaders: [LoaderName]
  let properties: [Property]

  static var all: [PageFormat] { [elf, bzImage, image] }

  static let elf = PageFormat(
    title: "ELF",
    sound: """
      The sound image: text of 0x2000 bytes at 16 MiB of memory with the entry at its start, 0x1000 bytes of data behind it
      and 0x2000 bytes of bss behind that, linked where it is loaded; with what asks for its loader (Multiboot headers, notes
      of Xen and PVH, for Xen of 2006 the string `__xen_guest` with VIRT_BASE 0x100000000 and virtual addresses in `p_paddr`).
      For `qemu-multiboot` it is an ELF32, for `limine` it is linked at 0xffffffff80000000; for `osv-low` and `osv-high` it
      lies at 0x200000 with its file header.
      """,
    loaders: LoaderName.allCases.filter { !images.contains($0) },
    properties: ImageProperty.all.map { property in
      Property(name: property.name, modules: property.modules) { loader in
        var image = PageImage(for: loader)
        property.spoil(&image)
        return image.build()
      }
    })

  /// Those that take no ELF file.
  private static let images: Set<LoaderName> = [
    .qemuLinux, .arm64Image, .riscvImage, .firecrackerAArch64, .cloudHypervisorAArch64, .cloudHypervisorRISCV,
  ]

  static let bzImage = PageFormat(
    title: "bzImage",
    sound: "The sound image: protocol 2.15, 64-bit entry, loaded high, 0x3000 bytes of protected-mode code.",
    loaders: [.qemuLinux, .kexec, .firecracker, .cloudHypervisor],
    properties: [
      linux("nothing") { $0 },
      linux("protocol 2.00") { $0.patch(0x206, [0x00, 0x02]) },
      linux("protocol 2.05") { $0.patch(0x206, [0x05, 0x02]) },
      linux("protocol 2.11") { $0.patch(0x206, [0x0b, 0x02]) },
      linux("loaded low: LOADED_HIGH (`loadflags` bit 0) clear") { $0.patch(0x211, [0]) },
      linux("no 64-bit entry: `xloadflags` 0") { $0.patch(0x236, [0, 0]) },
      linux("`setup_sects` 0") { $0.patch(0x1f1, [0]) },
      linux("`setup_sects` 255: the setup code is longer than the file") { $0.patch(0x1f1, [255]) },
      linux("`boot_flag` is not 0xaa55") { $0.patch(0x1fe, [0, 0]) },
      linux("`init_size` of 2 GiB, more than there is memory") { $0.patch(0x260, [0, 0, 0, 0x80]) },
      linux("`pref_address` of 2 GiB, where there is no memory") { $0.patch(0x258, [0, 0, 0, 0x80, 0, 0, 0, 0]) },
    ])

  private static func linux(
    _ name: String, _ change: @escaping @Sendable (BzImageBuilder) -> BzImageBuilder
  ) -> Property {
    Property(name: name) { _ in
      var builder = BzImageBuilder(version: 0x20f, protectedMode: [UInt8](repeating: 0x90, count: 0x3000))
      // code32_start, cmdline_size; xloadflags: 64-bit entry, above 4 GiB; kernel_alignment, pref_address, init_size.
      builder = builder.patch(0x214, [0, 0, 0x10, 0]).patch(0x238, [0xff, 7, 0, 0])
      builder = builder.patch(0x236, [3, 0]).patch(0x230, [0, 0, 0x20, 0]).patch(0x258, [0, 0, 0, 1, 0, 0, 0, 0])
        .patch(0x260, [0, 0, 0x10, 0])
      return change(builder).build()
    }
  }
}
