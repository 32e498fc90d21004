/// The attributes of a section, sh_flags (System V gABI, ch. 4). Unknown bits survive.
public struct SectionFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static var write: SectionFlags { SectionFlags(rawValue: 0x1) }
  /// SHF_ALLOC: takes memory when the program runs.
  public static var allocate: SectionFlags { SectionFlags(rawValue: 0x2) }
  public static var execute: SectionFlags { SectionFlags(rawValue: 0x4) }
  public static var merge: SectionFlags { SectionFlags(rawValue: 0x10) }
  public static var strings: SectionFlags { SectionFlags(rawValue: 0x20) }
  public static var infoLink: SectionFlags { SectionFlags(rawValue: 0x40) }
  public static var linkOrder: SectionFlags { SectionFlags(rawValue: 0x80) }
  public static var osNonconforming: SectionFlags { SectionFlags(rawValue: 0x100) }
  public static var group: SectionFlags { SectionFlags(rawValue: 0x200) }
  public static var threadLocal: SectionFlags { SectionFlags(rawValue: 0x400) }
  public static var compressed: SectionFlags { SectionFlags(rawValue: 0x800) }

  /// The letters of `readelf -S`, in the order of the bits; bits without a letter are left out.
  public var letters: String {
    var text = ""
    let known: [(SectionFlags, String)] = [
      (.write, "W"), (.allocate, "A"), (.execute, "X"), (.merge, "M"), (.strings, "S"), (.infoLink, "I"),
      (.linkOrder, "L"), (.osNonconforming, "O"), (.group, "G"), (.threadLocal, "T"), (.compressed, "C"),
    ]
    for (flag, letter) in known where contains(flag) { text += letter }
    return text
  }
}
