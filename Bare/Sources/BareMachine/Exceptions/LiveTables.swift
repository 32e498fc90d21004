import AddressSpace
public import Addresses
public import PageTables
import Processor

/// The page tables that the processor uses now, read under the control bits that hold now.
public enum LiveTables {
  /// CR4.LA57 (Intel SDM vol. 3A, 2.5).
  public static var hasFiveLevels: Bool { read_cr4() & 1 << 12 != 0 }

  /// CPUID 80000001H EDX.Page1GB.
  public static var hasGigabytePages: Bool {
    processor_identify(0x8000_0000, 0).eax >= 0x8000_0001 && processor_identify(0x8000_0001, 0).edx & 1 << 26 != 0
  }

  public static var root: PhysicalAddress { PhysicalAddress(truncating: read_cr3() & 0x000f_ffff_ffff_f000) }

  public static var efer: UInt64 { read_model_register(0xc000_0080) }

  /// The format that CR0, CR4, EFER and CPUID describe.
  public static var format: X86_64Format {
    let hasWidth = processor_identify(0x8000_0000, 0).eax >= 0x8000_0008
    let width = hasWidth ? UInt8(truncatingIfNeeded: processor_identify(0x8000_0008, 0).eax) : 36
    var controls = X86Controls(cr0: read_cr0(), cr4: read_cr4(), efer: efer, physicalBits: width)
    controls.gigabytePages = hasGigabytePages
    return X86_64Format(fiveLevels: hasFiveLevels, controls: controls)
  }

  public static func tables(in memory: DirectMap) -> TranslationTables<X86_64Format, DirectMap> {
    TranslationTables(format: format, memory: memory, root: root)
  }
}
