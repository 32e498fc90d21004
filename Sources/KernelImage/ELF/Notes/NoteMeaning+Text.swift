extension NoteMeaning {
  /// The value as one line of text; empty when there is none.
  public var text: String {
    switch value {
    case .text(let text): return text
    case .number(let number): return hexadecimal(number)
    case .words(let words): return Self.joined(words.map { hexadecimal($0) })
    case .relocatable(let alignment, let minimum, let maximum):
      var parts: [String] = []
      if let alignment { parts.append("alignment " + hexadecimal(alignment)) }
      if let minimum { parts.append("minimum " + hexadecimal(minimum)) }
      if let maximum { parts.append("maximum " + hexadecimal(maximum)) }
      return Self.joined(parts)
    case .operatingSystem(let system, let major, let minor, let patch):
      return "\(Self.operatingSystem(system)) \(major).\(minor).\(patch)"
    case .bytes(let bytes):
      var digits = ""
      for byte in bytes { digits += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
      return digits
    case .undecoded: return ""
    }
  }

  /// glibc's elf.h, ELF_NOTE_OS_….
  private static func operatingSystem(_ number: UInt32) -> String {
    switch number {
    case 0: "Linux"
    case 1: "Hurd"
    case 2: "Solaris"
    case 3: "FreeBSD"
    case 4: "NetBSD"
    default: "system \(number)"
    }
  }

  private static func joined(_ parts: [String]) -> String {
    var text = ""
    for part in parts { text += text.isEmpty ? part : ", " + part }
    return text
  }
}
