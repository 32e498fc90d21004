/// The setup header's `loadflags` (Linux, Documentation/arch/x86/boot.rst). Unknown bits survive.
public struct LoadFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// LOADED_HIGH: the protected-mode code goes to 0x100000 (a bzImage), not 0x10000.
  public static var loadedHigh: LoadFlags { LoadFlags(rawValue: 0x01) }
  /// KASLR_FLAG: the kernel was randomised; the kernel proper randomises its memory regions if it is set.
  public static var randomized: LoadFlags { LoadFlags(rawValue: 0x02) }
  /// QUIET_FLAG: no early messages.
  public static var quiet: LoadFlags { LoadFlags(rawValue: 0x20) }
  /// KEEP_SEGMENTS: obsolete.
  public static var keepSegments: LoadFlags { LoadFlags(rawValue: 0x40) }
  /// CAN_USE_HEAP: `heap_end_ptr` is valid.
  public static var canUseHeap: LoadFlags { LoadFlags(rawValue: 0x80) }

  /// The names of the bits that are set.
  var names: [String] {
    let known: [(LoadFlags, String)] = [
      (.loadedHigh, "LOADED_HIGH"), (.randomized, "KASLR_FLAG"), (.quiet, "QUIET_FLAG"),
      (.keepSegments, "KEEP_SEGMENTS"), (.canUseHeap, "CAN_USE_HEAP"),
    ]
    return known.filter { contains($0.0) }.map { $0.1 }
  }
}

/// The setup header's `xloadflags`, protocol 2.12 (Linux, arch/x86/include/uapi/asm/bootparam.h). Unknown bits survive.
public struct ExtendedLoadFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// XLF_KERNEL_64: there is a 64-bit entry, 0x200 behind the 32-bit one.
  public static var kernel64: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x01) }
  /// XLF_CAN_BE_LOADED_ABOVE_4G: kernel, boot parameters, command line and initrd may lie above 4 GiB.
  public static var canBeLoadedAbove4GiB: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x02) }
  public static var efiHandover32: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x04) }
  public static var efiHandover64: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x08) }
  public static var efiKexec: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x10) }
  /// XLF_5LEVEL: the kernel knows five-level paging.
  public static var fiveLevelPaging: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x20) }
  /// XLF_5LEVEL_ENABLED: the kernel was built to use five-level paging.
  public static var fiveLevelPagingEnabled: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x40) }
  /// XLF_MEM_ENCRYPTION.
  public static var memoryEncryption: ExtendedLoadFlags { ExtendedLoadFlags(rawValue: 0x80) }

  /// The names of the bits that are set.
  var names: [String] {
    let known: [(ExtendedLoadFlags, String)] = [
      (.kernel64, "KERNEL_64"), (.canBeLoadedAbove4GiB, "CAN_BE_LOADED_ABOVE_4G"),
      (.efiHandover32, "EFI_HANDOVER_32"), (.efiHandover64, "EFI_HANDOVER_64"), (.efiKexec, "EFI_KEXEC"),
      (.fiveLevelPaging, "5LEVEL"), (.fiveLevelPagingEnabled, "5LEVEL_ENABLED"),
      (.memoryEncryption, "MEM_ENCRYPTION"),
    ]
    return known.filter { contains($0.0) }.map { $0.1 }
  }
}
