/// Whose extensions an ELF file uses, EI_OSABI (System V gABI, ch. 4). Unknown numbers survive.
public struct OSABI: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static var systemV: OSABI { OSABI(rawValue: 0) }
  public static var netBSD: OSABI { OSABI(rawValue: 2) }
  public static var gnu: OSABI { OSABI(rawValue: 3) }
  public static var solaris: OSABI { OSABI(rawValue: 6) }
  public static var freeBSD: OSABI { OSABI(rawValue: 9) }
  public static var openBSD: OSABI { OSABI(rawValue: 12) }
  public static var standalone: OSABI { OSABI(rawValue: 255) }

  /// The name people use: "System V"; a number where there is none here.
  public var name: String {
    switch self {
    case .systemV: "System V"
    case .netBSD: "NetBSD"
    case .gnu: "GNU"
    case .solaris: "Solaris"
    case .freeBSD: "FreeBSD"
    case .openBSD: "OpenBSD"
    case .standalone: "standalone"
    default: hexadecimal(rawValue)
    }
  }
}
