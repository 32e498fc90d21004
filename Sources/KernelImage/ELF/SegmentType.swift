/// What a segment is for, p_type (System V gABI, ch. 5). Unknown numbers survive.
public struct SegmentType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var null: SegmentType { SegmentType(rawValue: 0) }
  public static var load: SegmentType { SegmentType(rawValue: 1) }
  public static var dynamic: SegmentType { SegmentType(rawValue: 2) }
  public static var interpreter: SegmentType { SegmentType(rawValue: 3) }
  public static var note: SegmentType { SegmentType(rawValue: 4) }
  public static var sharedLibrary: SegmentType { SegmentType(rawValue: 5) }
  public static var programHeaders: SegmentType { SegmentType(rawValue: 6) }
  public static var threadLocal: SegmentType { SegmentType(rawValue: 7) }
  public static var gnuExceptionFrame: SegmentType { SegmentType(rawValue: 0x6474_e550) }
  public static var gnuStack: SegmentType { SegmentType(rawValue: 0x6474_e551) }
  public static var gnuReadOnlyAfterRelocation: SegmentType { SegmentType(rawValue: 0x6474_e552) }
  public static var gnuProperty: SegmentType { SegmentType(rawValue: 0x6474_e553) }

  /// The specification's name without "PT_": "LOAD".
  public var name: String {
    switch self {
    case .null: "NULL"
    case .load: "LOAD"
    case .dynamic: "DYNAMIC"
    case .interpreter: "INTERP"
    case .note: "NOTE"
    case .sharedLibrary: "SHLIB"
    case .programHeaders: "PHDR"
    case .threadLocal: "TLS"
    case .gnuExceptionFrame: "GNU_EH_FRAME"
    case .gnuStack: "GNU_STACK"
    case .gnuReadOnlyAfterRelocation: "GNU_RELRO"
    case .gnuProperty: "GNU_PROPERTY"
    default: hexadecimal(rawValue)
    }
  }
}

/// What a segment may be used for in memory, p_flags (System V gABI, ch. 5). Unknown bits survive.
public struct SegmentFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static var execute: SegmentFlags { SegmentFlags(rawValue: 1) }
  public static var write: SegmentFlags { SegmentFlags(rawValue: 2) }
  public static var read: SegmentFlags { SegmentFlags(rawValue: 4) }
}
