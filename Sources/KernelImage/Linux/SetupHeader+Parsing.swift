import Addresses

extension SetupHeader {
  /// The `header` field: "HdrS".
  static var magic: UInt32 { 0x5372_6448 }

  /// Decodes the setup header of an image.
  ///
  /// - Throws: ``ParseError`` when the bytes end before a field the version defines, `boot_flag` or `header` is not the
  ///   protocol's, the version is below 2.00, or `jump` says that the header ends before its last field.
  init(parsing bytes: RawSpan) throws(ParseError) {
    let bootFlag = try bytes.read(UInt16.self, at: 0x1fe, field: "setup header: boot_flag")
    guard bootFlag == 0xaa55 else {
      throw ParseError(
        .unrecognised, field: "setup header: boot_flag", at: 0x1fe, found: UInt64(bootFlag), allowed: .exactly(0xaa55))
    }
    let magic = try bytes.read(UInt32.self, at: 0x202, field: "setup header: header")
    guard magic == Self.magic else {
      throw ParseError(
        .unrecognised, field: "setup header: header", at: 0x202, found: UInt64(magic),
        allowed: .exactly(UInt64(Self.magic)))
    }
    version = try bytes.read(UInt16.self, at: 0x206, field: "setup header: version")
    guard version >= 0x200 else {
      throw ParseError(
        .unsupported, field: "setup header: version", at: 0x206, found: UInt64(version), allowed: .atLeast(0x200))
    }
    headerRange = try Self.headerRange(of: bytes, version: version)
    var values: [UInt64?] = []
    values.reserveCapacity(SetupField.allCases.count)
    for field in SetupField.allCases { values.append(try field.value(in: bytes, version: version)) }
    self.values = values
    kernelVersion = Self.kernelVersion(in: bytes, values: values)
  }

  /// From `setup_sects` to where the short jump lands: 0x202 and its displacement.
  private static func headerRange(of bytes: RawSpan, version: UInt16) throws(ParseError) -> FileRange {
    let jump = try bytes.read(UInt16.self, at: 0x200, field: "setup header: jump")
    guard jump & 0xff == 0xeb, jump >> 8 < 0x80 else {
      throw ParseError(
        .invalidValue, field: "setup header: jump", at: 0x200, found: UInt64(jump),
        allowed: .rule("0xeb and a displacement of at most 0x7f: a short jump forward over the header"))
    }
    let end = 0x202 + UInt64(jump >> 8)
    var needed: UInt64 = 0x202
    for field in SetupField.allCases where field.minimumVersion <= version {
      needed = max(needed, field.offset + field.size(version: version))
    }
    guard end >= needed else {
      throw ParseError(
        .invalidValue, field: "setup header: jump", at: 0x201, found: end - 0x202, allowed: .atLeast(needed - 0x202))
    }
    guard let range = bytes.range(at: 0x1f1, count: end - 0x1f1) else {
      throw ParseError(
        .truncated, field: "setup header", at: 0x1f1, found: UInt64(bytes.byteCount), allowed: .atLeast(end))
    }
    return range
  }

  /// The longest text `kernel_version` may lead to; real ones have about 100 bytes.
  private static var kernelVersionLimit: UInt64 { 512 }

  private static func kernelVersion(in bytes: RawSpan, values: [UInt64?]) -> String? {
    let sectors = values[SetupField.setupSectorCount.rawValue] ?? 0
    guard let offset = values[SetupField.kernelVersion.rawValue], offset != 0,
      offset < 0x200 * (sectors == 0 ? 4 : sectors), bytes.holds(1, at: offset + 0x200)
    else { return nil }
    return bytes.text(at: offset + 0x200, limit: kernelVersionLimit)
  }
}

extension SetupField {
  /// The field's value under a version of the protocol, or nil when the version does not define it.
  fileprivate func value(in bytes: RawSpan, version: UInt16) throws(ParseError) -> UInt64? {
    guard minimumVersion <= version else { return nil }
    return switch size(version: version) {
    case 1: UInt64(try bytes.read(UInt8.self, at: offset, field: "setup header: \(name)"))
    case 2: UInt64(try bytes.read(UInt16.self, at: offset, field: "setup header: \(name)"))
    case 4: UInt64(try bytes.read(UInt32.self, at: offset, field: "setup header: \(name)"))
    default: try bytes.read(UInt64.self, at: offset, field: "setup header: \(name)")
    }
  }
}
