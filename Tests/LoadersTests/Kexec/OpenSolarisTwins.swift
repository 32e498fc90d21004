import KernelImage
import TestSupport

/// Files with the program headers of OpenSolaris's Xen kernels: the segment that runs first is linked at its physical
/// address, the kernel proper in the higher half.
enum OpenSolarisTwin {
  static var bits64: ELFBuilder {
    ELFBuilder(type: .executable, machine: .x86_64, entry: 0x4080_0000)
      .segment(virtual: 0x4080_0000, physical: 0x4080_0000, bytes: filler(0xed28))
      .segment(virtual: 0xffff_ffff_fb80_0000, physical: 0x4000_0000, bytes: filler(0x39_adca))
      .segment(
        virtual: 0xffff_ffff_fbc0_0000, physical: 0x4040_0000, bytes: filler(0x2_0fe9), memorySize: 0xe_36c0)
  }

  static var bits32: ELFBuilder {
    // The Multiboot header at the start of the first segment: magic, flags 0, their negative sum.
    let header: [UInt8] = [0x02, 0xb0, 0xad, 0x1b, 0, 0, 0, 0, 0xfe, 0x4f, 0x52, 0xe4]
    return ELFBuilder(class: .bits32, type: .executable, machine: .i386, entry: 0x4080_0000)
      .segment(virtual: 0x4080_0000, physical: 0x4080_0000, bytes: header + filler(0xe95c - 12))
      .segment(virtual: 0xfb40_0000, physical: 0x4000_0000, bytes: filler(0x2a_a362))
      .segment(virtual: 0xfb80_0000, physical: 0x4040_0000, bytes: filler(0x1_6515), memorySize: 0x9_4a44)
  }

  private static func filler(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x90, count: count) }
}
