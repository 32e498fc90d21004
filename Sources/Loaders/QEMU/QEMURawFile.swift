import Addresses
import KernelImage
import Placement

/// A file that QEMU takes for a raw image although it says that it is something else.
enum QEMURawFile {
  /// Whether QEMU's gunzip() comes to the compressed bytes; what it does not take is loaded as it is (QEMU 7.2,
  /// hw/core/loader.c, gunzip and load_image_gzipped_buffer). Whether they can be unpacked is not looked at.
  static func isGzip(_ image: RawSpan) -> Bool {
    guard isMarkedGzip(image), image.load(UInt8.self, at: 2) == 8, let flags = image.load(UInt8.self, at: 3),
      flags & 0xe0 == 0
    else { return false }
    var offset: UInt64 = 10
    if flags & 4 != 0 {
      guard let extra = image.load(UInt16.self, at: 10) else { return false }
      offset = 12 + UInt64(extra)
    }
    // Name and comment end with 0.
    for bit in [8, 0x10] as [UInt8] where flags & bit != 0 {
      while let byte = image.load(UInt8.self, at: offset) {
        offset += 1
        if byte == 0 { break }
      }
    }
    if flags & 2 != 0 { offset += 2 }
    return offset < UInt64(image.byteCount)
  }

  static func isMarkedGzip(_ image: RawSpan) -> Bool { image.load(UInt16.self, at: 0) == 0x8b1f }

  /// Says so, where the file is marked as ELF or gzip.
  static func remark(
    on image: RawSpan, _ reason: String, entered address: UInt64, source: String, in prediction: inout LoadPlan
  ) {
    let format = isMarkedGzip(image) ? "gzip" : image.load(UInt32.self, at: 0) == 0x464c_457f ? "ELF" : ""
    guard !format.isEmpty else { return }
    prediction.remarks.append(
      Remark(
        .entryElsewhere,
        "\(reason), so that QEMU takes the \(format) file for a raw image and enters its first byte, at \(hex(address))",
        rule: Rule("what is nothing else is a raw image", source: source)))
  }
}
