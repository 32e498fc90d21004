import BootProtocols
import KernelImage
import Placement

extension KexecLoad {
  /// kexec/arch/x86_64/kexec-bzImage64.c, do_bzImage64_load: everything as high as it goes.
  mutating func bzImage64(_ header: KexecBzImage) throws(Kexec.Stop) {
    let file = "kexec-bzImage64.c, do_bzImage64_load"
    prediction.reading = "bzImage64"
    if !request.modules.isEmpty { try checkReadable(0) }
    try check(header, file, hasCommandLineLimit: true)
    let high = Search(low: 0x3000, preference: .highest)
    try addPurgatory(high)
    let block = try addBuffer(.made, bytes: parameterSize(header), high, "parameters")
    // _ALIGN in 32 bits.
    let need = (header.initSize + 4095) & 0xffff_f000
    let start = try addBuffer(
      .image(header.setupSize), bytes: header.size - header.setupSize, memorySize: need,
      Search(alignment: header.alignment, low: 0x10_0000, preference: .highest), "protected-mode kernel")
    try addInitrdAndSeed(through: .max)
    ignoreModules(from: 1, "only one initrd is taken", Kexec.rule("one --initrd", file))
    prediction.entry = EntryState(
      mode: .long64, address: start &+ 0x200,
      registers: [
        .init("rbx", 0, "bootstrap processor"), .init("rsi", block, "zero page"),
        .init("rsp", purgatoryStack, "purgatory's stack"),
      ])
    prediction.decisions.append(
      Decision(
        "physical place", choice: hex(start),
        because: "the highest hole of init_size \(hex(need)) from 0x100000, aligned to kernel_alignment "
          + "\(hex(header.alignment)); pref_address is not looked at: kexec-tools 2.0.25, \(file)"))
  }

  /// kexec/arch/i386/kexec-bzImage.c, do_bzImage_load with the 32-bit entry.
  mutating func bzImage(_ header: KexecBzImage) throws(Kexec.Stop) {
    prediction.reading = "bzImage"
    if !request.modules.isEmpty { try checkReadable(0) }
    try bzImage(header, from: 0)
    ignoreModules(from: 1, "only one initrd is taken", Kexec.rule("one --initrd", "kexec-bzImage.c"))
  }

  private mutating func bzImage(_ header: KexecBzImage, from start: UInt64) throws(Kexec.Stop) {
    let file = "kexec-bzImage.c, do_bzImage_load"
    try check(header, file, hasCommandLineLimit: header.version >= 0x206)
    let isRelocatable = header.version >= 0x205 && header.isRelocatable
    let lowest = Search(low: 0x3000, high: 0xa_0000)
    try addPurgatory(Search(low: 0x3000, high: isRelocatable ? 0x7fff_ffff : 0xa_0000, preference: .highest))
    let block = try addParameterBlock(header, lowest)
    guard let purgatory, purgatory >= block else {
      throw Kexec.Stop(
        "Could not put setup code above the kernel parameters", evidence: "parameters at \(hex(block))",
        rule: Kexec.rule("purgatory lies above the parameters", file))
    }
    let bytes = header.size - header.setupSize
    let source = Source.image(start + header.setupSize)
    var place: UInt64 = 0x10_0000
    if header.copiedVersion >= 0x205, isRelocatable {
      place = try addBuffer(
        source, bytes: bytes,
        Search(
          alignment: header.alignment, low: 0x10_0000, high: min(KexecBzImage.greatestInitrd, header.greatestInitrd)),
        "protected-mode kernel")
    } else {
      try add(source, bytes: bytes, at: place, memorySize: bytes, "protected-mode kernel", "\(bytes) bytes")
    }
    try addInitrdAndSeed(through: header.copiedVersion >= 0x203 ? header.greatestInitrd : KexecBzImage.greatestInitrd)
    prediction.entry = EntryState(
      mode: .protected32, address: place & 0xffff_ffff,
      registers: [
        .init("ebx", 0, "bootstrap processor"), .init("esi", block, "zero page"),
        .init("esp", purgatoryStack, "purgatory's stack"),
      ])
  }

  private mutating func addParameterBlock(_ header: KexecBzImage, _ search: Search) throws(Kexec.Stop) -> UInt64 {
    let bytes = parameterSize(header)
    guard header.copiedVersion < 0x200 else { return try addBuffer(.made, bytes: bytes, search, "parameters") }
    try add(.made, bytes: bytes, at: 0x9_0000, memorySize: bytes, "parameters", "version \(hex(header.copiedVersion))")
    return 0x9_0000
  }

  /// The setup code's size, 4096 at least, the command line, and PURGATORY_CMDLINE_SIZE.
  private func parameterSize(_ header: KexecBzImage) -> UInt64 {
    max(4096, header.setupSize) + (commandLineSize ?? 1) + 64
  }

  private func check(_ header: KexecBzImage, _ file: String, hasCommandLineLimit: Bool) throws(Kexec.Stop) {
    guard header.setupSize <= header.size else {
      throw Kexec.Stop(
        "BzImage truncated?", evidence: "setup code of \(header.setupSize) bytes, \(header.size) bytes",
        rule: Kexec.rule("the file holds its setup code", file))
    }
    let length = commandLineSize ?? 1
    guard !hasCommandLineLimit || length <= header.greatestCommandLine else {
      throw Kexec.Stop(
        "Cannot load \(request.imageName)",
        evidence: "\(length) bytes of command line, cmdline_size \(header.greatestCommandLine)",
        rule: Kexec.rule("the command line with its 0 is not longer than cmdline_size", file))
    }
  }
}
