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
    let delta = UInt64(bitPattern: delta)
    try patch(entries32, in: &placed, image: image, adding: delta, width: 4)
    try patch(entriesInverse32, in: &placed, image: image, adding: 0 &- delta, width: 4)
    try patch(entries64, in: &placed, image: image, adding: delta, width: 8)
  }

  /// - Parameter width: of the places that are patched: 4 or 8 bytes. Those of the list have 4.
  @inline(never) private func patch(
    _ list: FileRange, in placed: inout MutableRawSpan, image: RawSpan, adding delta: UInt64, width: Int
  ) throws(PlanError) {
    guard image.byteCount >= 0, list.endValue <= UInt64(image.byteCount) else {
      throw PlanError(.badRelocation, "the relocation list at \(hex: list) ends beyond the image's bytes")
    }
    let entries = image.extracting(Int(list.start.value)..<Int(list.endValue))
    let base = UInt32(truncatingIfNeeded: linkBase.value)
    let room = placed.byteCount - width
    let bad: Int? = unsafe placed.withUnsafeMutableBytes { target in
      unsafe entries.withUnsafeBytes { words in
        for position in stride(from: 0, to: words.count, by: 4) {
          let entry = unsafe UInt32(littleEndian: words.loadUnaligned(fromByteOffset: position, as: UInt32.self))
          let place = Int(entry &- base)
          guard place <= room else { return position }
          // SAFETY: 1. `place` is not negative and leaves room for `width` bytes, by the guard; 2. any bits are an integer.
          if width == 4 {
            let value = unsafe UInt32(littleEndian: target.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            let patched = value &+ UInt32(truncatingIfNeeded: delta)
            unsafe target.storeBytes(of: patched.littleEndian, toByteOffset: place, as: UInt32.self)
          } else {
            let value = unsafe UInt64(littleEndian: target.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            unsafe target.storeBytes(of: (value &+ delta).littleEndian, toByteOffset: place, as: UInt64.self)
          }
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
