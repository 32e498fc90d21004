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
    for table in rela {
      for position in stride(from: table.start.value, to: table.endValue, by: 24) {
        if let (offset, _) = try entryRELA(at: position, image: image) { try check(offset, position) }
      }
    }
    for table in relr {
      var places = PackedPlaces(table)
      while let offset = try places.next(in: image) { try check(offset, places.position) }
    }
  }

  /// The eight bytes at a file offset belong to no table.
  @inline(never) private func checkTables(_ target: UInt64, _ offset: UInt64, _ position: UInt64) throws(PlanError) {
    for table in rela { try check(table, target, offset, position) }
    for table in relr { try check(table, target, offset, position) }
  }

  @inline(never) private func check(
    _ table: FileRange, _ target: UInt64, _ offset: UInt64, _ position: UInt64
  ) throws(PlanError) {
    guard target < table.endValue && table.start.value < target &+ 8 else { return }
    throw PlanError(
      .badRelocation,
      """
      the relocation entry at file offset \(hex: position) patches \(hex: offset), which is part of the relocation \
      table at file offset \(hex: table.start): in place it would change under the loader
      """)
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
    var places = PackedPlaces(table)
    while let offset = try places.next(in: image) {
      targets.add(try place(of: offset, imageSize: size, position: places.position))
    }
    for target in targets {
      let value = placed.bytes.load(UInt64.self, at: UInt64(target)) ?? 0
      placed.storeBytes(of: (value &+ whole).littleEndian, toByteOffset: target, as: UInt64.self)
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

  @inline(never) private func place(of offset: UInt64, imageSize: Int, position: UInt64) throws(PlanError) -> Int {
    let distance = offset &- linkBase.value
    guard imageSize >= 8, distance <= UInt64(imageSize - 8) else {
      throw PlanError(
        .badRelocation,
        """
        the relocation entry at file offset \(hex: position) patches \(hex: offset): outside the image, which is linked at \
        \(hex: linkBase) and has \(hex: UInt64(imageSize)) bytes
        """)
    }
    return Int(distance)
  }
}

/// The places in a RELR table: an even word is a place; an odd word is a bitmap of the 63 words that follow the last
/// place.
private struct PackedPlaces {
  /// Of the word that the last place came from.
  private(set) var position: UInt64
  private var nextPosition: UInt64
  private let end: UInt64
  /// The place behind the last one, and behind the last bitmap's words.
  private var base: UInt64?
  /// What is left of a bitmap whose bit 0 is the word at `bitmapBase`.
  private var bitmap: UInt64 = 0
  private var bitmapBase: UInt64 = 0

  init(_ table: FileRange) {
    position = table.start.value
    nextPosition = position
    end = table.endValue
  }

  @inline(never) mutating func next(in image: RawSpan) throws(PlanError) -> UInt64? {
    while bitmap == 0 {
      guard nextPosition < end else { return nil }
      position = nextPosition
      nextPosition += 8
      guard let word = image.load(UInt64.self, at: position) else {
        throw PlanError(.badRelocation, "the RELR word at file offset \(hex: position) ends beyond the file")
      }
      guard word & 1 == 1 else {
        base = word &+ 8
        return word
      }
      guard let start = base else {
        throw PlanError(
          .badRelocation, "the RELR word at file offset \(hex: position) is a bitmap with no place before it")
      }
      bitmap = word >> 1
      bitmapBase = start
      base = start &+ 63 * 8
    }
    let bit = UInt64(bitmap.trailingZeroBitCount)
    bitmap &= bitmap - 1
    return bitmapBase &+ bit &* 8
  }
}
