import Foundation

/// Which build this program is: FNV-1a (Fowler, Noll, Vo; 64 bits) of its executable's bytes.
public enum ToolFingerprint {
  public static func own() throws -> String {
    of(try Data(contentsOf: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath(), options: .alwaysMapped))
  }

  static func of(_ bytes: Data) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    bytes.withUnsafeBytes { bytes in
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    return String(hash, radix: 16)
  }
}
