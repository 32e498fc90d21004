/// Writes Linux x86 images for tests: a setup header of any protocol version, and a protected-mode part.
///
/// Offsets are those of Linux's Documentation/arch/x86/boot.rst, written here once more by hand, so that a test does
/// not trust the table it tests.
public struct BzImageBuilder: Sendable {
  public var version: UInt16
  public var setupSectors: UInt8
  public var loadFlags: UInt8
  /// Payload and all; a multiple of 16 bytes unless a test wants it otherwise.
  public var protectedMode: [UInt8]
  /// The displacement of `jump`: the header ends at 0x202 plus this.
  public var headerLength: UInt8
  /// Values that are written last: (file offset, bytes).
  public var patches: [(offset: Int, bytes: [UInt8])] = []

  public init(version: UInt16, setupSectors: UInt8 = 4, loadFlags: UInt8 = 1, protectedMode: [UInt8]) {
    self.version = version
    self.setupSectors = setupSectors
    self.loadFlags = loadFlags
    self.protectedMode = protectedMode
    headerLength = UInt8(Self.headerEnd(version: version) - 0x202)
  }

  /// Where the last field of a version ends.
  public static func headerEnd(version: UInt16) -> Int {
    switch version {
    case ..<0x201: 0x224
    case 0x201: 0x226
    case 0x202: 0x22c
    case 0x203, 0x204: 0x230
    case 0x205: 0x235
    case 0x206: 0x23c
    case 0x207: 0x248
    case 0x208: 0x250
    case 0x209: 0x258
    case 0x20a: 0x264
    case 0x20b...0x20e: 0x268
    default: 0x26c
    }
  }

  /// Says where the payload is: `payload_offset` and `payload_length`, protocol 2.08.
  public func payload(offset: UInt32, length: UInt32) -> BzImageBuilder {
    patch(0x248, word(offset)).patch(0x24c, word(length))
  }

  /// Writes bytes over the finished file.
  public func patch(_ offset: Int, _ bytes: [UInt8]) -> BzImageBuilder {
    var copy = self
    copy.patches.append((offset, bytes))
    return copy
  }

  public func build() -> [UInt8] {
    let sectors = setupSectors == 0 ? 4 : Int(setupSectors)
    var file = [UInt8](repeating: 0, count: (sectors + 1) * 512)
    file[0x1f1] = setupSectors
    file.replaceSubrange(0x1f4..<0x1f8, with: word(UInt32((protectedMode.count + 15) / 16)))
    file.replaceSubrange(0x1fe..<0x208, with: [0x55, 0xaa, 0xeb, headerLength] + Array("HdrS".utf8) + half(version))
    file[0x211] = loadFlags
    file += protectedMode
    for (offset, bytes) in patches { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
    return file
  }

  private func half(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8)] }
  private func word(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}
