import Loaders
import Placement

extension PageFormat {
  /// `Image` files of arm64 and riscv64 (Linux, Documentation/arch/{arm64/booting,riscv/boot-image-header}.rst).
  static let image = PageFormat(
    title: "Image (arm64, riscv64)",
    sound: """
      The sound image: `text_offset` 0 (arm64) or 2 MiB (riscv64), `image_size` 0x10000, `flags` of a little-endian kernel
      with 4 KiB pages that may lie anywhere, 0x3000 bytes of file. Memory starts where each loader's machine has it.
      """,
    loaders: [
      .qemuAArch64, .arm64Image, .firecrackerAArch64, .cloudHypervisorAArch64, .qemuRISCV, .riscvImage,
      .cloudHypervisorRISCV,
    ],
    properties: [
      property("nothing") { _ in },
      property("nothing, and two modules are given", modules: 2) { _ in },
      property("`text_offset` 0x80000") { $0.put(0x8_0000, 8, at: 8) },
      property("`text_offset` 0x123") { $0.put(0x123, 8, at: 8) },
      property("`text_offset` of 2 GiB, more than there is memory") { $0.put(0x8000_0000, 8, at: 8) },
      property("`image_size` 0, as before Linux 3.17") { $0.put(0, 8, at: 16) },
      property("`image_size` of 2 GiB, more than there is memory") { $0.put(0x8000_0000, 8, at: 16) },
      property("`image_size` smaller than the file: 0x1000") { $0.put(0x1000, 8, at: 16) },
      property("big-endian: `flags` bit 0") { $0.put(1, 8, at: 24) },
      property("64 KiB pages: `flags` bits 1 and 2") { $0.put(6, 8, at: 24) },
      property("near the start of memory: `flags` bit 3 clear") { $0.put(2, 8, at: 24) },
      property("no magic") { $0.put(0, 4, at: 56) },
      property("cut off: 60 bytes") { $0.bytes = Array($0.bytes.prefix(60)) },
    ])

  /// A file under construction.
  private struct Draft {
    var bytes: [UInt8]

    mutating func put(_ value: UInt64, _ width: Int, at offset: Int) {
      for index in 0..<width { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
  }

  private static func property(
    _ name: String, modules: Int = 0, _ spoil: @escaping @Sendable (inout Draft) -> Void
  ) -> Property {
    Property(name: name, modules: modules) { loader in
      var draft = Draft(bytes: [UInt8](repeating: 0, count: 0x3000))
      let isRISCV = [.qemuRISCV, .riscvImage, .cloudHypervisorRISCV].contains(loader)
      draft.put(isRISCV ? 0x20_0000 : 0, 8, at: 8)
      draft.put(0x1_0000, 8, at: 16)
      draft.put(isRISCV ? 0 : 0xa, 8, at: 24)
      if isRISCV {
        draft.put(2, 4, at: 32)
        draft.put(0x5643_5349_52, 8, at: 48)
      }
      draft.put(isRISCV ? 0x0543_5352 : 0x644d_5241, 4, at: 56)
      spoil(&draft)
      return draft.bytes
    }
  }
}
