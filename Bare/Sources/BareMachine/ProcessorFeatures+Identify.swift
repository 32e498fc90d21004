public import BootProtocols
import Processor

extension ProcessorFeatures {
  /// What this processor has (Intel SDM vol. 2A, CPUID).
  public static var present: ProcessorFeatures {
    var found: ProcessorFeatures = []
    if processor_identify(1, 0).edx >> 13 & 1 == 1 { found.insert(.globalPages) }
    guard processor_identify(0, 0).eax >= 7 else { return found }
    let leaf = processor_identify(7, 0)
    if leaf.ebx >> 7 & 1 == 1 { found.insert(.smep) }
    if leaf.ebx >> 20 & 1 == 1 { found.insert(.smap) }
    if leaf.ecx >> 2 & 1 == 1 { found.insert(.umip) }
    if leaf.ecx >> 16 & 1 == 1 { found.insert(.fiveLevelPaging) }
    return found
  }
}

/// What is not turned on, but used.
public enum ProcessorAbility {
  public static var hasGigabytePages: Bool { extended >> 26 & 1 == 1 }

  private static var extended: UInt32 {
    processor_identify(0x8000_0000, 0).eax >= 0x8000_0001 ? processor_identify(0x8000_0001, 0).edx : 0
  }
}
