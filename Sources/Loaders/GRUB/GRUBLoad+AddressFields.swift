import Addresses
import BootProtocols
import KernelImage
import Placement

extension GRUBLoad {
  /// Loads by header_addr, load_addr, load_end_addr and bss_end_addr. What the image is otherwise does not matter.
  mutating func addressFields(_ fields: GRUBAddressFields, of image: RawSpan) throws(GRUBStop) {
    let size = UInt64(image.byteCount)
    // `int` in the source: a negative offset becomes one far behind the end of the file.
    let offset = Int32(bitPattern: fields.fileOffset &- (fields.header &- fields.load))
    let loadSize =
      fields.loadEnd == 0
      ? UInt32(truncatingIfNeeded: Int64(size) &- Int64(offset)) : fields.loadEnd &- fields.rawLoad
    let codeSize = fields.bssEnd == 0 ? loadSize : fields.bssEnd &- fields.load
    let evidence =
      "address fields: header_addr \(hex(fields.header)), load_addr \(hex(fields.rawLoad)), "
      + "load_end_addr \(hex(fields.loadEnd)), bss_end_addr \(hex(fields.bssEnd))"
    try placeFields(fields.load, size: codeSize, evidence)
    guard offset >= 0, UInt64(offset) <= size else { throw .seek(evidence + ": file offset \(offset)") }
    let count = min(UInt64(loadSize), size - UInt64(offset))
    guard loadSize <= codeSize else {
      throw .misbehaves(
        "writes over its own heap", evidence,
        "\(hex(loadSize)) bytes are read into room for \(hex(codeSize)), without a check.", header)
    }
    if count < UInt64(loadSize) {
      prediction.remarks.append(
        Remark(
          .notZeroed, "\(UInt64(loadSize) - count) bytes behind the end of the file keep what was there.",
          rule: Rule("A short read is no error with address fields.", source: header.citation)))
    }
    let zeros = UInt64(codeSize - loadSize)
    if count == UInt64(loadSize) {
      add(Self.bytes(UInt64(offset), count), at: loadBase, count, zeroFill: zeros, owner: "image")
    } else {
      add(Self.bytes(UInt64(offset), count), at: loadBase, count, owner: "image")
      add(.zero, at: loadBase &+ loadSize, 0, zeroFill: zeros, owner: "image")
    }
    prediction.reading = version == 1 ? "Multiboot, address fields" : "Multiboot2, address tag"
    entry = fields.entry
  }

  private mutating func placeFields(_ address: UInt32, size: UInt32, _ evidence: String) throws(GRUBStop) {
    linkBase = address
    loadBase = address
    guard let tag = relocatable else {
      try relocator.place(at: address, size: size, evidence)
      return
    }
    try placeWhole(tag, size: size)
  }
}
