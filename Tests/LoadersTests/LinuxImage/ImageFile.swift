import TestSupport

/// An `Image`: a header of 64 bytes (Documentation/arch/arm64/booting.rst) and nothing of interest behind it.
struct ImageFile {
  private(set) var bytes: [UInt8]

  init(
    isRISCV: Bool = false, magic: UInt32? = nil, textOffset: UInt64 = 0, imageSize: UInt64 = 0, flags: UInt64 = 0xa,
    count: Int = 4096
  ) {
    let magic = magic ?? (isRISCV ? 0x0543_5352 : 0x644d_5241)
    bytes = [UInt8](repeating: 0, count: 8) + textOffset.bytes + imageSize.bytes
    bytes += (isRISCV ? flags & 1 : flags).bytes
    bytes += [UInt8](repeating: 0, count: 24) + magic.bytes
    bytes += [UInt8](repeating: 0, count: count - bytes.count)
  }

  init(prefix count: Int, of other: ImageFile) { bytes = Array(other.bytes.prefix(count)) }
}
