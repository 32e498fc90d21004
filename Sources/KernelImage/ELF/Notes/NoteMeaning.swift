import Addresses

/// What a note says, in the terms of its owner.
public struct NoteMeaning: Hashable, Sendable {
  public enum Value: Hashable, Sendable {
    case text(String)
    case number(UInt64)
    /// A list of words, for the notes that have more than one.
    case words([UInt64])
    /// XEN_ELFNOTE_PHYS32_RELOC: how a PVH kernel may be moved. The note may be cut after any of the three.
    case relocatable(alignment: UInt32?, minimum: UInt32?, maximum: UInt32?)
    /// NT_GNU_ABI_TAG: the operating system (0 is Linux) and the oldest version of it that does.
    case operatingSystem(UInt32, major: UInt32, minor: UInt32, patch: UInt32)
    /// Bytes whose value is themselves: a build id.
    case bytes([UInt8])
    /// A descriptor that has another form than its type asks for, or that Perch does not decode.
    case undecoded
  }

  /// The type's name in its owner's specification: "PHYS32_ENTRY".
  public let name: String
  public let value: Value

  public init(name: String, value: Value) {
    self.name = name
    self.value = value
  }
}

extension Note {
  /// What the note means; nil for owners and types that Perch does not know.
  public func meaning(in bytes: RawSpan) -> NoteMeaning? {
    if isOwned(by: "Xen") { return XenNoteType(rawValue: type).meaning(of: descriptor, in: bytes) }
    if isOwned(by: "GNU") { return GNUNote.meaning(type: type, of: descriptor, in: bytes) }
    if isOwned(by: "Linux") { return LinuxNote.meaning(type: type, of: descriptor, in: bytes) }
    return nil
  }

  /// The descriptor as a number of 1, 2, 4 or 8 bytes, whatever the type asks for; nil for another size.
  @inline(never) public func number(in bytes: RawSpan) -> UInt64? { NoteMeaning.number(descriptor, in: bytes) }
}

extension NoteMeaning {
  fileprivate static func number(_ descriptor: FileRange, in bytes: RawSpan) -> UInt64? {
    let start = descriptor.start.value
    return switch descriptor.count.value {
    case 1: bytes.load(UInt8.self, at: start).map(UInt64.init)
    case 2: bytes.load(UInt16.self, at: start).map(UInt64.init)
    case 4: bytes.load(UInt32.self, at: start).map(UInt64.init)
    case 8: bytes.load(UInt64.self, at: start)
    default: nil
    }
  }
}

extension NoteMeaning.Value {
  /// The most of a descriptor that becomes a value; Xen's limit for strings.
  private static var limit: UInt64 { 4096 }

  static func string(_ descriptor: FileRange, in bytes: RawSpan) -> Self {
    guard descriptor.count.value <= limit else { return .undecoded }
    return .text(bytes.text(in: descriptor))
  }

  /// A number of 1, 2, 4 or 8 bytes; anything else has no value.
  static func integer(_ descriptor: FileRange, in bytes: RawSpan) -> Self {
    NoteMeaning.number(descriptor, in: bytes).map { .number($0) } ?? .undecoded
  }

  static func list<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    of _: Word.Type, _ descriptor: FileRange, in bytes: RawSpan
  ) -> Self {
    let width = UInt64(MemoryLayout<Word>.size)
    guard descriptor.count.value <= limit, descriptor.count.value % width == 0 else { return .undecoded }
    var words: [UInt64] = []
    var offset = descriptor.start.value
    while offset < descriptor.endValue, let word = bytes.load(Word.self, at: offset) {
      words.append(UInt64(word))
      offset &+= width
    }
    return .words(words)
  }

  static func raw(_ descriptor: FileRange, in bytes: RawSpan) -> Self {
    guard descriptor.count.value <= limit else { return .undecoded }
    var raw: [UInt8] = []
    var offset = descriptor.start.value
    while offset < descriptor.endValue, let byte = bytes.load(UInt8.self, at: offset) {
      raw.append(byte)
      offset &+= 1
    }
    return .bytes(raw)
  }
}
