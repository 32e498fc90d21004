import Addresses
import KernelImage

extension LinuxRelocations {
  /// Patches a placed image, as `handle_relocations` in `arch/x86/boot/compressed/misc.c` does.
  ///
  /// An entry is the low half of a link address. Its place is the same distance behind the image's first byte as that
  /// address is behind `linkBase`; places are not aligned.
  ///
  /// - Throws: ``PlanError`` at the first entry that lies outside the image; entries before it are already patched.
  func apply(to placed: inout MutableRawSpan, image: RawSpan) throws(PlanError) {
    let low = UInt32(truncatingIfNeeded: delta)
    try patch(entries32, in: &placed, image: image) { (value: UInt32) in value &+ low }
    try patch(entriesInverse32, in: &placed, image: image) { (value: UInt32) in value &- low }
    let whole = UInt64(bitPattern: delta)
    try patch(entries64, in: &placed, image: image) { (value: UInt64) in value &+ whole }
  }

  @inline(__always)
  private func patch<Word: FixedWidthInteger & BitwiseCopyable>(
    _ list: FileRange, in placed: inout MutableRawSpan, image: RawSpan, _ change: (Word) -> Word
  ) throws(PlanError) {
    guard image.byteCount >= 0, list.endValue <= UInt64(image.byteCount) else {
      throw PlanError(.badRelocation, "the relocation list at \(hex: list) ends beyond the image's bytes")
    }
    let entries = image.extracting(Int(list.start.value)..<Int(list.endValue))
    let base = UInt32(truncatingIfNeeded: linkBase.value)
    let room = placed.byteCount - MemoryLayout<Word>.size
    let bad: Int? = unsafe placed.withUnsafeMutableBytes { target in
      unsafe entries.withUnsafeBytes { words in
        for position in stride(from: 0, to: words.count, by: 4) {
          let entry = unsafe UInt32(littleEndian: words.loadUnaligned(fromByteOffset: position, as: UInt32.self))
          let place = Int(entry &- base)
          guard place <= room else { return position }
          // SAFETY: 1. `place` is not negative and leaves room for a word, by the guard; 2. any bits are an integer.
          let value = unsafe Word(littleEndian: target.loadUnaligned(fromByteOffset: place, as: Word.self))
          unsafe target.storeBytes(of: change(value).littleEndian, toByteOffset: place, as: Word.self)
        }
        return nil
      }
    }
    guard let bad else { return }
    let entry = image.load(UInt32.self, at: list.start.value + UInt64(bad)) ?? 0
    throw PlanError(
      .badRelocation,
      """
      the relocation entry at file offset \(hex: list.start.value + UInt64(bad)) is \(hex: UInt64(entry)): outside the image, \
      which starts at \(hex: linkBase) and has \(hex: UInt64(placed.byteCount)) bytes
      """)
  }
}
