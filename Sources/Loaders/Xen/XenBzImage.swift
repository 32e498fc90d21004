import Addresses
import KernelImage
import Placement

/// A bzImage as Xen takes it: its payload is the kernel (xen/arch/x86/bzimage.c;
/// tools/libs/guest/xg_dom_bzimageloader.c).
///
/// Xen unpacks a payload that is compressed. The models do not: they take the unpacked one in the file's place.
enum XenBzImage {
  /// Where an ELF image that is not compressed begins in a bzImage; nil where the file is no bzImage.
  static func payload(of bytes: RawSpan) throws(XenStop) -> UInt64? {
    guard let version = version(of: bytes) else { return nil }
    guard version >= 0x208 else {
      let minor = version & 0xff
      throw .refuse(
        "Cannot load bzImage v\(version >> 8).\(minor < 10 ? "0" : "")\(minor) at least v2.08 is required",
        "version \(hex(UInt64(version)))", "a payload has a place of its own from 2.08 on", "\(source), bzimage_check")
    }
    try checkUnpacked(bytes)
    return payloadStart(bytes)
  }

  /// What the hypervisor makes of a file that is neither a bzImage nor an ELF file: a compressed one, whose last word
  /// is the size unpacked, for which it makes room first.
  ///
  /// - Parameter memory: bytes that a machine has for sure.
  static func checkWhole(_ bytes: RawSpan, memory: UInt64) throws(XenStop) {
    let size = UInt64(bytes.byteCount)
    let isELF = bytes.load(UInt32.self, at: 0) == 0x464c_457f
    guard !isELF || size < 52 else { return }
    guard size >= 4, let room = bytes.wide(UInt32.self, at: size - 4), room + size <= memory else {
      // Seen: "Not enough memory to relocate the dom0 kernel image", and with 0xffffffff a page fault.
      throw .misbehaves(
        Misbehaviour(
          "crashes, or finds no memory", evidence: "file size \(hex(size)), its last word",
          rule: Rule("the last word is the unpacked size", source: "\(source), bzimage_headroom")))
    }
    if isELF {
      // Seen with 50 bytes: "ELF: shdr overflow (off 20f0 > size 1032)", for 0x1000 bytes of room and zeros in them.
      throw .misbehaves(
        Misbehaviour(
          "reads what lies in memory behind the image", evidence: "file size \(hex(size)), an ELF header has 52 bytes",
          rule: Rule("the room for what is unpacked counts as the file's", source: "\(source), bzimage_parse")))
    }
    guard bytes.load(UInt16.self, at: 0) == 0x8b1f else { return }
    guard size >= 18 else {
      throw .refuse(
        ranOut, "file size \(hex(size)), a gzip stream", "a stream of gzip has a head of 10 bytes and an end of 8",
        "Xen 4.17, xen/common/inflate.c, fill_inbuf")
    }
    throw .refuse(
      "not a word of Xen's: the model takes the kernel unpacked", "file size \(hex(size)), a gzip stream",
      "Xen unpacks it and loads what comes out", "\(source), bzimage_parse")
  }

  /// The decompressor panics with these words itself.
  static var ranOut: String { "ran out of input data" }

  /// Refuses a bzImage whose payload is compressed.
  static func checkUnpacked(_ bytes: RawSpan) throws(XenStop) {
    guard let version = version(of: bytes), version >= 0x208 else { return }
    let start = payloadStart(bytes)
    guard bytes.load(UInt32.self, at: start) != 0x464c_457f else { return }
    throw .refuse(
      "not a word of Xen's: the model takes the payload of a bzImage unpacked",
      "setup header 'HdrS' at 0x202; payload_offset leads to \(hex(start)), where no ELF image begins",
      "Xen unpacks the payload and loads what comes out", "\(source), bzimage_parse")
  }

  /// The version of the protocol; nil where the file has no `struct setup_header` up to payload_length.
  private static func version(of bytes: RawSpan) -> UInt16? {
    guard bytes.byteCount >= 0x250, bytes.load(UInt32.self, at: 0x202) == 0x5372_6448 else { return nil }
    return bytes.load(UInt16.self, at: 0x206)
  }

  private static func payloadStart(_ bytes: RawSpan) -> UInt64 {
    let sectors = bytes.wide(UInt8.self, at: 0x1f1) ?? 0
    return (sectors + 1) * 512 + (bytes.wide(UInt32.self, at: 0x248) ?? 0)
  }

  private static var source: String { "Xen 4.17, xen/arch/x86/bzimage.c" }
}

extension LoadPlan {
  /// Makes offsets into a part of the file offsets into the file.
  mutating func shiftSources(by start: UInt64) {
    for index in pieces.indices {
      guard case .image(let range) = pieces[index].source else { continue }
      pieces[index].source = .image(
        FileRange(uncheckedStart: FileOffset(unchecked: range.start.value &+ start), count: range.count))
    }
  }
}
