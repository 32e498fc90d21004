import Addresses

extension BzImage {
  /// Decodes an image's setup header and finds its parts.
  ///
  /// - Throws: ``ParseError`` when the setup header is none, or the file ends before a part that it declares.
  public init(parsing bytes: RawSpan) throws(ParseError) {
    setup = try SetupHeader(parsing: bytes)
    protectedModeRange = try Self.protectedMode(of: setup, in: bytes)
    let payload = try Self.payload(of: setup, in: protectedModeRange)
    payloadRange = payload
    payloadCodec = payload.flatMap { PayloadCodec(magicIn: bytes, at: $0.start.value) }
    declaredPayloadSize = payload.flatMap { Self.declaredSize(of: $0, in: bytes) }
    if let offset = setup[.kernelInfoOffset], offset != 0 {
      kernelInfo = try KernelInfo(parsing: bytes, at: offset, in: protectedModeRange)
    } else {
      kernelInfo = nil
    }
  }

  private static func protectedMode(of setup: SetupHeader, in bytes: RawSpan) throws(ParseError) -> FileRange {
    let size = UInt64(bytes.byteCount)
    let start = (setup.setupSectorCount + 1) * 512
    guard start <= size else {
      throw ParseError(
        .outsideFile, field: "setup header: setup_sects", at: 0x1f1, found: setup.setupSectorCount,
        allowed: .atMost(size / 512 - 1))
    }
    let rest = size - start
    // Before 2.04 the field has 16 bits, which a kernel above 1 MiB overflows: boot.rst says not to trust it there.
    if setup.version < 0x204, setup.loadFlags.contains(.loadedHigh) {
      return FileRange(uncheckedStart: FileOffset(unchecked: start), count: ByteCount(rest))
    }
    // The last paragraph of 16 bytes may be a part of one: old builds did not pad the file.
    let paragraphs = setup[.systemSize] ?? 0
    guard paragraphs <= (rest + 15) / 16 else {
      throw ParseError(
        .outsideFile, field: "setup header: syssize", at: 0x1f4, found: paragraphs, allowed: .atMost((rest + 15) / 16))
    }
    return FileRange(uncheckedStart: FileOffset(unchecked: start), count: ByteCount(min(paragraphs * 16, rest)))
  }

  private static func payload(of setup: SetupHeader, in code: FileRange) throws(ParseError) -> FileRange? {
    guard let offset = setup[.payloadOffset], let length = setup[.payloadLength], length > 0 else { return nil }
    let room = code.count.value
    guard offset <= room else {
      throw ParseError(
        .outsideFile, field: "setup header: payload_offset", at: 0x248, found: offset, allowed: .atMost(room))
    }
    guard length <= room - offset else {
      throw ParseError(
        .outsideFile, field: "setup header: payload_length", at: 0x24c, found: length, allowed: .atMost(room - offset))
    }
    return FileRange(
      uncheckedStart: FileOffset(unchecked: code.start.value &+ offset), count: ByteCount(length))
  }

  private static func declaredSize(of payload: FileRange, in bytes: RawSpan) -> ByteCount? {
    switch PayloadCodec(magicIn: bytes, at: payload.start.value) {
    case nil: return nil
    case .some(.none): return payload.count
    default:
      guard payload.count.value >= 8 else { return nil }
      return bytes.load(UInt32.self, at: payload.endValue &- 4).map { ByteCount(UInt64($0)) }
    }
  }
}
