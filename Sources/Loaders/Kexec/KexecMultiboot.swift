import KernelImage
import Placement

/// The Multiboot header that multiboot-x86 finds (kexec/arch/i386/kexec-multiboot-x86.c, multiboot_x86_probe).
struct KexecMultiboot {
  let offset: UInt64
  let flags: UInt32
  let header, load, loadEnd, bssEnd, entry: UInt32

  var hasAddresses: Bool { flags & 0x1_0000 != 0 }

  /// The first header in the first 8 KiB, or nil.
  init?(_ image: RawSpan) throws(Kexec.Stop) {
    let end = min(8192, UInt64(image.byteCount))
    var place: UInt64 = 0
    while place + 12 <= end {
      if image.load(UInt32.self, at: place) == 0x1bad_b002, let flags = image.load(UInt32.self, at: place + 4),
        let sum = image.load(UInt32.self, at: place + 8), 0x1bad_b002 &+ flags &+ sum == 0
      {
        try self.init(image, at: place, flags)
        return
      }
      place += 4
    }
    return nil
  }

  private init(_ image: RawSpan, at offset: UInt64, _ flags: UInt32) throws(Kexec.Stop) {
    self.offset = offset
    self.flags = flags
    guard flags & 0x1_0000 == 0 || offset + 32 <= 8192 else {
      throw Kexec.Stop(
        misbehaves: "reads its own variables as address fields", evidence: "Multiboot header at \(hex(offset))",
        rule: Kexec.rule("the first 8 KiB are copied, and no more", "kexec-multiboot-x86.c, multiboot_x86_probe"))
    }
    // Behind the file's end the copy is zero.
    func field(_ index: UInt64) -> UInt32 { image.load(UInt32.self, at: offset + 12 + index * 4) ?? 0 }
    (header, load, loadEnd, bssEnd, entry) = (field(0), field(1), field(2), field(3), field(4))
  }

  /// Why the address fields are not taken, in kexec's words (they are those of the code, wrong as some are).
  func refusal(fileSize: UInt64) -> (words: String, evidence: String)? {
    if load & 0xfff != 0 { return ("multiboot load address not 4k aligned", "load_addr \(hex(UInt64(load)))") }
    if load > header { return ("multiboot header address > load address", "header_addr \(hex(UInt64(header)))") }
    if loadEnd < load { return ("multiboot load end address < load address", "load_end_addr \(hex(UInt64(loadEnd)))") }
    if bssEnd < loadEnd {
      return ("multiboot bss end address < load end address", "bss_end_addr \(hex(UInt64(bssEnd)))")
    }
    if UInt64(loadEnd &- header) > fileSize - offset {
      return ("multiboot file truncated", "load_end_addr \(hex(UInt64(loadEnd)))")
    }
    if entry < load || entry >= loadEnd {
      return ("multiboot entry out of range", "entry_addr \(hex(UInt64(entry)))")
    }
    return nil
  }
}

/// The Multiboot2 header that multiboot2-x86 finds (kexec/arch/i386/kexec-mb2-x86.c): of its tags, kexec heeds two.
struct KexecMultiboot2 {
  /// The relocatable tag's min_addr, max_addr and align.
  private(set) var relocatable: (low: UInt64, high: UInt64, alignment: UInt64)?
  private(set) var hasFramebuffer = false

  /// The first header in the first 32 KiB with its tags, or nil.
  init?(_ image: RawSpan) throws(Kexec.Stop) {
    let end = min(32768, UInt64(image.byteCount))
    var place: UInt64 = 0
    while place + 16 <= end {
      func word(_ index: UInt64) -> UInt32 { image.load(UInt32.self, at: place + index * 4) ?? 0 }
      if word(0) == 0xe852_50d6, word(0) &+ word(1) &+ word(2) &+ word(3) == 0 {
        try readTags(image, from: place + 16)
        return
      }
      place += 8
    }
    return nil
  }

  /// Up to a tag of type 0, whatever header_length says (multiboot2_read_header_tags).
  private mutating func readTags(_ image: RawSpan, from first: UInt64) throws(Kexec.Stop) {
    var place = first
    // Behind the file's end the copy is zero.
    func word(_ offset: UInt64) -> UInt64 { image.wide(UInt32.self, at: place + offset) ?? 0 }
    while true {
      guard place + 24 <= 32768 else {
        throw Kexec.Stop(
          misbehaves: "reads tags outside its copy of the file", evidence: "tag at \(hex(place))",
          rule: Kexec.rule("the first 32 KiB are copied, and tags have no bound", "kexec-mb2-x86.c"))
      }
      let type = image.wide(UInt16.self, at: place) ?? 0
      guard type != 0 else { return }
      if type == 10 { relocatable = (word(8), word(12), word(16)) }
      if type == 5 { hasFramebuffer = true }
      // In 32 bits: a size of 0, or one within 7 of 2³², is no step at all.
      let step = (word(4) + 7) & 0xffff_fff8
      guard step > 0 else {
        throw Kexec.Stop(
          misbehaves: "hangs", evidence: "tag at \(hex(place)), size \(hex(word(4)))",
          rule: Kexec.rule("a tag's size is added without a look at it", "kexec-mb2-x86.c, multiboot2_read_header_tags")
        )
      }
      place += step
    }
  }
}
