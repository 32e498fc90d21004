import KernelImage
import Placement

extension Kexec {
  /// A file type that recognised the image, with what its probe read (kexec/arch/x86_64/kexec-x86_64.c, `file_type`).
  enum Format {
    case multiboot2(KexecELF, KexecMultiboot2)
    case elf64(KexecELF)
    /// Without an ELF file where the header has address fields.
    case multiboot(KexecELF?, KexecMultiboot)
    case elf32(KexecELF)
    case bzImage64
    case bzImage
    case beoboot(KexecBeoboot)
    case netBoot
  }

  /// The first file type that recognises the image.
  static func probe(_ image: RawSpan, _ request: LoaderRequest) throws(Stop) -> Format {
    guard image.byteCount > 0 else {
      throw Stop(
        "Cannot read \(request.imageName)", evidence: "0 bytes",
        rule: rule("a file of no bytes has no buffer", "kexec/kexec.c, slurp_file_generic"))
    }
    let reading = try KexecELF.parse(image)
    var reason: (words: String, evidence: String)
    switch reading {
    case .isELF(let elf):
      reason = ("Not i386 or x86_64 ELF executable", "e_machine \(elf.machine)")
      if elf.isX86, let header = try KexecMultiboot2(image) { return .multiboot2(elf, header) }
      if elf.machine == 62 { return .elf64(elf) }
    case .isNot(let words, let evidence):
      reason = (words, evidence)
    }
    if let found = try probeMultiboot(image, reading, &reason) { return found }
    if case .isELF(let elf) = reading, elf.isX86 { return .elf32(elf) }
    if let found = probeRest(image, reading, &reason) { return found }
    throw Stop(
      "Cannot determine the file type of \(request.imageName)", evidence: "\(reason.evidence): \(reason.words)",
      rule: rule("every file type's probe must fail first", "kexec/kexec.c, my_load"))
  }

  private static func probeMultiboot(
    _ image: RawSpan, _ reading: KexecELF.Reading, _ reason: inout (words: String, evidence: String)
  ) throws(Stop) -> Format? {
    guard let header = try KexecMultiboot(image) else { return nil }
    var elf: KexecELF?
    if header.hasAddresses {
      if let refused = header.refusal(fileSize: UInt64(image.byteCount)) {
        reason = refused
        return nil
      }
    } else {
      guard case .isELF(let file) = reading, file.isX86 else { return nil }
      elf = file
    }
    // MULTIBOOT_UNSUPPORTED: what must be known beyond page alignment, memory and video.
    guard header.flags & 0xfff8 == 0 else {
      reason = ("requires multiboot options that I don't understand", "flags \(hex(UInt64(header.flags)))")
      return nil
    }
    return .multiboot(elf, header)
  }

  private static func probeRest(
    _ image: RawSpan, _ reading: KexecELF.Reading, _ reason: inout (words: String, evidence: String)
  ) -> Format? {
    if KexecBzImage.refusal64(image) == nil { return .bzImage64 }
    guard let refused = KexecBzImage.refusal(image) else { return .bzImage }
    if let part = KexecBeoboot(image) { return .beoboot(part) }
    if KexecNetBoot.recognises(image) { return .netBoot }
    if case .isNot = reading, image.load(UInt32.self, at: 0) != 0x464c_457f, reason.words == "NO ELF header magic" {
      reason = refused
    }
    return nil
  }
}
