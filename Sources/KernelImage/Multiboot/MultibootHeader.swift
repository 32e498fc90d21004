public import Addresses

/// A Multiboot header inside an image: found and proven by its checksum, not decoded further.
public struct MultibootHeader: Hashable, Sendable {
  public enum Version: UInt8, Hashable, Sendable {
    /// Multiboot Specification 0.6.96, 3.1.
    case one = 1
    /// Multiboot2 Specification 2.0, 3.1.
    case two = 2
  }

  public let version: Version
  /// Where the header starts in the file.
  public let offset: FileOffset
  /// `flags` of version 1, `header_length` (bytes) of version 2.
  public let flagsOrLength: UInt32
}

extension MultibootHeader {
  /// The first header of a version, or nil. Version 1 lies in the first 8 KiB at a multiple of 4, version 2 in the
  /// first 32 KiB at a multiple of 8; the words sum to 0 modulo 2³².
  public init?(version: Version, searching bytes: RawSpan) {
    let window: UInt64 = version == .one ? 8192 : 32_768
    let step: UInt64 = version == .one ? 4 : 8
    var position: UInt64 = 0
    while position &+ 12 <= min(window, UInt64(bytes.byteCount)) {
      if let word = Self.word(of: version, at: position, in: bytes) {
        self.version = version
        offset = FileOffset(unchecked: position)
        flagsOrLength = word
        return
      }
      position += step
    }
    return nil
  }

  private static func word(of version: Version, at position: UInt64, in bytes: RawSpan) -> UInt32? {
    guard let magic = bytes.load(UInt32.self, at: position), let second = bytes.load(UInt32.self, at: position &+ 4),
      let third = bytes.load(UInt32.self, at: position &+ 8)
    else { return nil }
    switch version {
    case .one:
      return magic == 0x1bad_b002 && magic &+ second &+ third == 0 ? second : nil
    case .two:
      guard magic == 0xe852_50d6, let checksum = bytes.load(UInt32.self, at: position &+ 12) else { return nil }
      return magic &+ second &+ third &+ checksum == 0 ? third : nil
    }
  }
}
