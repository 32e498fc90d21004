import Addresses

/// The notes of owner "Xen" (xen/include/public/elfnote.h). Unknown numbers survive.
public struct XenNoteType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var info: XenNoteType { XenNoteType(rawValue: 0) }
  public static var entry: XenNoteType { XenNoteType(rawValue: 1) }
  public static var hypercallPage: XenNoteType { XenNoteType(rawValue: 2) }
  public static var virtualBase: XenNoteType { XenNoteType(rawValue: 3) }
  public static var physicalOffset: XenNoteType { XenNoteType(rawValue: 4) }
  public static var xenVersion: XenNoteType { XenNoteType(rawValue: 5) }
  public static var guestOS: XenNoteType { XenNoteType(rawValue: 6) }
  public static var guestVersion: XenNoteType { XenNoteType(rawValue: 7) }
  public static var loader: XenNoteType { XenNoteType(rawValue: 8) }
  public static var paeMode: XenNoteType { XenNoteType(rawValue: 9) }
  public static var features: XenNoteType { XenNoteType(rawValue: 10) }
  public static var bsdSymbols: XenNoteType { XenNoteType(rawValue: 11) }
  public static var hypervisorStartLow: XenNoteType { XenNoteType(rawValue: 12) }
  public static var l1MachineFrameValid: XenNoteType { XenNoteType(rawValue: 13) }
  public static var suspendCancel: XenNoteType { XenNoteType(rawValue: 14) }
  public static var initialP2M: XenNoteType { XenNoteType(rawValue: 15) }
  public static var moduleStartFrame: XenNoteType { XenNoteType(rawValue: 16) }
  public static var supportedFeatures: XenNoteType { XenNoteType(rawValue: 17) }
  /// The 32-bit physical entry of a PVH kernel.
  public static var physicalEntry32: XenNoteType { XenNoteType(rawValue: 18) }
  /// The PVH entry runs at other physical addresses too.
  public static var physicalRelocation32: XenNoteType { XenNoteType(rawValue: 19) }

  /// The header's name without "XEN_ELFNOTE_": "PHYS32_ENTRY"; nil for a number that has none.
  public var name: String? {
    rawValue < UInt32(Self.names.count) ? Self.names[Int(rawValue)] : nil
  }

  private static var names: [String] {
    [
      "INFO", "ENTRY", "HYPERCALL_PAGE", "VIRT_BASE", "PADDR_OFFSET", "XEN_VERSION", "GUEST_OS", "GUEST_VERSION",
      "LOADER", "PAE_MODE", "FEATURES", "BSD_SYMTAB", "HV_START_LOW", "L1_MFN_VALID", "SUSPEND_CANCEL", "INIT_P2M",
      "MOD_START_PFN", "SUPPORTED_FEATURES", "PHYS32_ENTRY", "PHYS32_RELOC",
    ]
  }
}

extension XenNoteType {
  /// The descriptor in the form its type asks for; nil for a type without a name.
  func meaning(of descriptor: FileRange, in bytes: RawSpan) -> NoteMeaning? {
    guard let name else { return nil }
    let value: NoteMeaning.Value =
      switch self {
      case .info, .xenVersion, .guestOS, .guestVersion, .loader, .paeMode, .features, .bsdSymbols:
        .string(descriptor, in: bytes)
      case .l1MachineFrameValid:
        // Pairs of mask and value, as wide as a page table entry: 8 bytes but for kernels without PAE.
        descriptor.count.value % 16 == 0
          ? .list(of: UInt64.self, descriptor, in: bytes) : .list(of: UInt32.self, descriptor, in: bytes)
      case .supportedFeatures: .list(of: UInt32.self, descriptor, in: bytes)
      case .physicalRelocation32: Self.relocation(descriptor, in: bytes)
      default: .integer(descriptor, in: bytes)
      }
    return NoteMeaning(name: name, value: value)
  }

  private static func relocation(_ descriptor: FileRange, in bytes: RawSpan) -> NoteMeaning.Value {
    guard descriptor.count.value % 4 == 0, descriptor.count.value <= 12 else { return .undecoded }
    func word(_ index: UInt64) -> UInt32? {
      index * 4 < descriptor.count.value ? bytes.load(UInt32.self, at: descriptor.start.value &+ index * 4) : nil
    }
    return .relocatable(alignment: word(0), minimum: word(1), maximum: word(2))
  }
}
