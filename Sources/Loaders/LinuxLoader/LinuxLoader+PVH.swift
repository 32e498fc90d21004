import KernelImage
import Placement

extension LinuxLoader {
  /// How many notes the model looks at in one image. A real image has a handful.
  static var noteBudget: Int { 1 << 20 }

  /// The entry in a note "Xen", type 18 (XEN_ELFNOTE_PHYS32_ENTRY), or nil where the segment has none (elf/mod.rs,
  /// parse_elf_note). Fields are padded to 4 bytes whatever p_align says, and only p_filesz ends the walk.
  static func pvhEntry(
    in segment: LenientELF.Segment, _ name: String, of image: RawSpan, _ budget: inout Int
  ) throws(Stop) -> UInt64? {
    var position: UInt64 = 0
    while position < segment.fileSize {
      let start = segment.offset &+ position
      guard let nameSize = image.wide(UInt32.self, at: start), let size = image.wide(UInt32.self, at: start &+ 4),
        let type = image.wide(UInt32.self, at: start &+ 8)
      else { throw unreadable(name, start) }
      budget -= 1
      guard budget > 0 else {
        throw Stop(
          misbehaves: "reads notes for a long time", evidence: "\(name), p_filesz \(hex(segment.fileSize))",
          rule: rule("every PT_NOTE is walked to its end"))
      }
      if type == 18, nameSize == 4 {
        guard image.holds(4, at: start &+ 12) else { throw unreadable(name, start) }
        if image.load(UInt32.self, at: start &+ 12) == 0x006e_6558 {
          return try descriptor(at: start, size: size, name, of: image)
        }
      }
      // Sizes have 32 bits: the sum cannot overflow.
      let padded = (nameSize + 3) & ~3, descriptorPadded = (size + 3) & ~3
      guard padded <= 0xffff_ffff, descriptorPadded <= 0xffff_ffff else {
        throw Stop(
          "Overflow occurred during an arithmetic operation",
          evidence: "\(name), note at \(hex(start)), n_namesz \(hex(nameSize)), n_descsz \(hex(size))",
          rule: rule("padded sizes fit 32 bits"))
      }
      position += 12 + padded + descriptorPadded
    }
    return nil
  }

  private static func descriptor(
    at start: UInt64, size: UInt64, _ name: String, of image: RawSpan
  ) throws(Stop) -> UInt64 {
    guard size >= 4 else {
      throw Stop(
        "Invalid PVH note header", evidence: "\(name), note at \(hex(start)), n_descsz \(size)",
        rule: rule("the descriptor holds a 32-bit address"))
    }
    guard let entry = image.wide(UInt32.self, at: start &+ 16) else { throw unreadable(name, start) }
    return entry
  }

  private static func unreadable(_ name: String, _ start: UInt64) -> Stop {
    Stop(
      "Unable to read note header", evidence: "\(name), note at \(hex(start))",
      rule: rule("the file holds every note that p_filesz promises"))
  }
}
