import Addresses

extension KernelInfo {
  /// The `header` field: "LToP".
  private static var magic: UInt32 { 0x506f_544c }

  /// Decodes the structure that `kernel_info_offset` leads to.
  ///
  /// - Throws: ``ParseError`` when it is not all inside `protectedMode`, or does not start with "LToP".
  init(parsing bytes: RawSpan, at offset: UInt64, in protectedMode: FileRange) throws(ParseError) {
    let room = protectedMode.count.value
    guard offset <= room, room - offset >= 16 else {
      throw ParseError(
        .outsideFile, field: "setup header: kernel_info_offset", at: 0x268, found: offset,
        allowed: room >= 16 ? .atMost(room - 16) : .exactly(0))
    }
    let start = protectedMode.start.value &+ offset
    let magic = try bytes.read(UInt32.self, at: start, field: "kernel_info: header")
    guard magic == Self.magic else {
      throw ParseError(
        .invalidValue, field: "kernel_info: header", at: start, found: UInt64(magic),
        allowed: .exactly(UInt64(Self.magic)))
    }
    size = try bytes.read(UInt32.self, at: start &+ 4, field: "kernel_info: size")
    guard size >= 16, UInt64(size) <= room - offset else {
      throw ParseError(
        .invalidValue, field: "kernel_info: size", at: start &+ 4, found: UInt64(size),
        allowed: .rule("at least 16, inside the protected-mode code"))
    }
    totalSize = try bytes.read(UInt32.self, at: start &+ 8, field: "kernel_info: size_total")
    setupTypeMax = try bytes.read(UInt32.self, at: start &+ 12, field: "kernel_info: setup_type_max")
    range = FileRange(uncheckedStart: FileOffset(unchecked: start), count: ByteCount(UInt64(size)))
  }
}
