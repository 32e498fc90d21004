public import AddressSpace

/// What a loader turns on, beyond what 64-bit mode needs, before it enters a kernel. The processor must have it.
public struct ProcessorFeatures: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Five levels of page tables: CR4.LA57.
  public static var fiveLevelPaging: ProcessorFeatures { ProcessorFeatures(rawValue: 1) }
  /// Supervisor-mode execution prevention: CR4.SMEP.
  public static var smep: ProcessorFeatures { ProcessorFeatures(rawValue: 2) }
  /// Supervisor-mode access prevention: CR4.SMAP.
  public static var smap: ProcessorFeatures { ProcessorFeatures(rawValue: 4) }
  /// User-mode instruction prevention: CR4.UMIP.
  public static var umip: ProcessorFeatures { ProcessorFeatures(rawValue: 8) }
  /// Translations that survive a change of CR3: CR4.PGE.
  public static var globalPages: ProcessorFeatures { ProcessorFeatures(rawValue: 16) }

  /// The bits of CR4 that turn them on (Intel SDM vol. 3A, 2.5).
  public var cr4: UInt64 {
    (contains(.globalPages) ? 1 << 7 : 0) | (contains(.umip) ? 1 << 11 : 0)
      | (contains(.fiveLevelPaging) ? 1 << 12 : 0) | (contains(.smep) ? 1 << 20 : 0)
      | (contains(.smap) ? 1 << 21 : 0)
  }

  /// How the processor translates then.
  public var pagingMode: PagingMode { contains(.fiveLevelPaging) ? .x86_64FiveLevel : .x86_64FourLevel }
}
