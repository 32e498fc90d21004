import Addresses
import KernelImage

extension DynamicRelocations {
  /// Patches a placed image: RELA with the addend in the table, RELR with the addend in place (System V gABI, ch. 4,
  /// "Relocation"; the RELR encoding is that of the gABI's SHT_RELR proposal).
  ///
  /// - Throws: ``PlanError`` at the first entry that lies outside the image or is of another kind than RELATIVE.
  func apply(to placed: inout MutableRawSpan, image: RawSpan) throws(PlanError) {
    for table in rela { try applyRELA(table, to: &placed, image: image) }
    for table in relr { try applyRELR(table, to: &placed, image: image) }
  }

  /// Checks every entry without patching anything.
  ///
  /// - Parameter fileOffset: where the image's first byte lies in the file, modulo 2⁶⁴, when the file itself is patched:
  ///   then no entry may patch a table. Nil: the file is another memory.
  func check(imageSize: Int, image: RawSpan, fileOffset: UInt64? = nil) throws(PlanError) {
    func check(_ offset: UInt64, _ position: UInt64) throws(PlanError) {
      let place = try place(of: offset, imageSize: imageSize, position: position)
      if let fileOffset { try checkTables(fileOffset &+ UInt64(place), offset, position) }
    }
    for table in rela { try forEachRELA(table, image: image, check) }
    for table in relr { try forEachRELR(table, image: image, check) }
  }

  /// The eight bytes at a file offset belong to no table.
  @inline(never) private func checkTables(_ target: UInt64, _ offset: UInt64, _ position: UInt64) throws(PlanError) {
    for table in rela + relr where target < table.endValue && table.start.value < target &+ 8 {
      throw PlanError(
        .badRelocation,
        "the relocation entry at file offset \(hex: position) patches \(hex: offset), which is part of the relocation "
          + "table at file offset \(hex: table.start): in place it would change under the loader")
    }
  }

  private func applyRELA(_ table: FileRange, to placed: inout MutableRawSpan, image: RawSpan) throws(PlanError) {
    let size = placed.byteCount
    for position in stride(from: table.start.value, to: table.endValue, by: 24) {
      guard let (offset, addend) = try entryRELA(at: position, image: image) else { continue }
      let target = try place(of: offset, imageSize: size, position: position)
      placed.storeBytes(
        of: (addend &+ UInt64(bitPattern: slide.value)).littleEndian, toByteOffset: target, as: UInt64.self)
    }
  }

  private func applyRELR(_ table: FileRange, to placed: inout MutableRawSpan, image: RawSpan) throws(PlanError) {
    let size = placed.byteCount
    let whole = UInt64(bitPattern: slide.value)
    var targets: [Int] = []
    try forEachRELR(table, image: image) { (offset, position) throws(PlanError) in
      targets.append(try place(of: offset, imageSize: size, position: position))
    }
    for target in targets {
      let value = placed.bytes.load(UInt64.self, at: UInt64(target)) ?? 0
      placed.storeBytes(of: (value &+ whole).littleEndian, toByteOffset: target, as: UInt64.self)
    }
  }

  @inline(never) private func forEachRELA(
    _ table: FileRange, image: RawSpan, _ body: (UInt64, UInt64) throws(PlanError) -> Void
  ) throws(PlanError) {
    for position in stride(from: table.start.value, to: table.endValue, by: 24) {
      guard let (offset, _) = try entryRELA(at: position, image: image) else { continue }
      try body(offset, position)
    }
  }

  /// The place and the addend of a relative entry; nil for R_X86_64_NONE.
  private func entryRELA(at position: UInt64, image: RawSpan) throws(PlanError) -> (UInt64, UInt64)? {
    guard let offset = image.load(UInt64.self, at: position), let info = image.load(UInt64.self, at: position &+ 8),
      let addend = image.load(UInt64.self, at: position &+ 16)
    else { throw PlanError(.badRelocation, "the RELA entry at file offset \(hex: position) ends beyond the file") }
    switch UInt32(truncatingIfNeeded: info) {
    case 0: return nil
    case 8: return (offset, addend)
    case let type:
      throw PlanError(
        .badRelocation,
        "the RELA entry at file offset \(hex: position) is of type \(type); only R_X86_64_RELATIVE (8) can be applied by a loader",
        help: "link with -static-pie -Bsymbolic, so that every symbol is resolved")
    }
  }

  /// An even word is a place; an odd word is a bitmap of the 63 words that follow the last place.
  @inline(never) private func forEachRELR(
    _ table: FileRange, image: RawSpan, _ body: (UInt64, UInt64) throws(PlanError) -> Void
  ) throws(PlanError) {
    var next: UInt64?
    for position in stride(from: table.start.value, to: table.endValue, by: 8) {
      guard let word = image.load(UInt64.self, at: position) else {
        throw PlanError(.badRelocation, "the RELR word at file offset \(hex: position) ends beyond the file")
      }
      if word & 1 == 0 {
        try body(word, position)
        next = word &+ 8
      } else {
        guard let base = next else {
          throw PlanError(
            .badRelocation, "the RELR word at file offset \(hex: position) is a bitmap with no place before it")
        }
        for bit in 1..<UInt64(64) where word >> bit & 1 == 1 { try body(base &+ (bit - 1) &* 8, position) }
        next = base &+ 63 * 8
      }
    }
  }

  @inline(never) private func place(of offset: UInt64, imageSize: Int, position: UInt64) throws(PlanError) -> Int {
    let distance = offset &- linkBase.value
    guard imageSize >= 8, distance <= UInt64(imageSize - 8) else {
      throw PlanError(
        .badRelocation,
        "the relocation entry at file offset \(hex: position) patches \(hex: offset): outside the image, which is linked at "
          + "\(hex: linkBase) and has \(hex: UInt64(imageSize)) bytes")
    }
    return Int(distance)
  }
}
