/// What kind of object an ELF file is, e_type (System V gABI, ch. 4). Unknown numbers survive.
public struct ObjectType: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static var none: ObjectType { ObjectType(rawValue: 0) }
  public static var relocatable: ObjectType { ObjectType(rawValue: 1) }
  public static var executable: ObjectType { ObjectType(rawValue: 2) }
  public static var shared: ObjectType { ObjectType(rawValue: 3) }
  public static var core: ObjectType { ObjectType(rawValue: 4) }

  /// The specification's name: "EXEC".
  public var name: String {
    switch self {
    case .none: "NONE"
    case .relocatable: "REL"
    case .executable: "EXEC"
    case .shared: "DYN"
    case .core: "CORE"
    default: hexadecimal(rawValue)
    }
  }
}
