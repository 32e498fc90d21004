import Addresses
import BootProtocols
import KernelImage
import Placement

extension Kexec {
  /// Why an image is not for bzImage64, or nil where it is (kexec/arch/x86_64/kexec-bzImage64.c, bzImage64_probe).
  static func probeBzImage64(_ image: RawSpan) -> (words: String, evidence: String)? {
    guard image.byteCount >= 1024 else { return ("File is too short to be a bzImage!", "\(image.byteCount) bytes") }
    guard image.load(UInt32.self, at: 0x202) == 0x5372_6448 else { return ("Not a bzImage", "header is not HdrS") }
    guard image.load(UInt16.self, at: 0x1fe) == 0xaa55 else { return ("No x86 boot sector present", "boot_flag") }
    let version = image.load(UInt16.self, at: 0x206) ?? 0
    guard version >= 0x20c else { return ("Must be at least protocol version 2.12", "version \(hex(UInt64(version)))") }
    let flags = image.load(UInt8.self, at: 0x211) ?? 0
    guard flags & 1 == 1 else { return ("zImage not a bzImage", "loadflags \(hex(UInt64(flags)))") }
    let extended = image.load(UInt16.self, at: 0x236) ?? 0
    guard extended & 3 == 3 else { return ("Not a relocatable bzImage64", "xloadflags \(hex(UInt64(extended)))") }
    return nil
  }

  /// What kexec 2.0.25 puts at the top of RAM before the kernel, in bytes: purgatory and the parameters, as seen under
  /// 25 GiB (purgatory at 0x63fff7000, parameters at 0x63fff1000).
  private static var reserve: UInt64 { 0x9000 + 0x6000 }

  /// Places the protected-mode code in the highest hole that fits (kexec-bzImage64.c, do_bzImage64_load).
  static func loadBzImage64(_ image: RawSpan, _ request: LoaderRequest) throws(Stop) -> LoadPlan {
    func word(_ offset: UInt64) -> UInt64 { UInt64(image.load(UInt32.self, at: offset) ?? 0) }
    let sectors = UInt64(image.load(UInt8.self, at: 0x1f1) ?? 0)
    let setup = ((sectors == 0 ? 4 : sectors) + 1) * 512
    let size = UInt64(image.byteCount)
    guard setup <= size else {
      throw Stop(
        misbehaves: "reads outside the file and crashes", evidence: "setup_sects \(sectors), \(size) bytes",
        rule: rule("the kernel's size is the file's less the setup code's, unchecked", "kexec-bzImage64.c"))
    }
    let need = (word(0x260) + 4095) & ~4095
    let low = max(0x10_0000, image.load(UInt64.self, at: 0x258) ?? 0)
    let start = try bzImage64Start(
      size: need, alignment: word(0x230), from: low, KexecMemory(request.machine))
    let copied = min(size - setup, need)
    var prediction = LoadPlan(
      loader: .kexec, reading: "bzImage64",
      machine: request.machine,
      entry: EntryState(
        mode: .long64, address: start &+ 0x200, registers: registers(of: .bzImage64, .linux)))
    prediction.pieces = [
      Piece(
        source: copied == 0
          ? .zero : .image(FileRange(uncheckedStart: FileOffset(unchecked: setup), count: ByteCount(copied))),
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(copied)),
        zeroFill: ByteCount(need - copied), owner: "protected-mode kernel")
    ]
    prediction.decisions = [
      Decision(
        "physical place", choice: hex(start),
        because: "the highest hole of init_size \(hex(need)) from \(hex(low)), aligned to kernel_alignment "
          + "\(hex(word(0x230))), below purgatory and parameters: kexec-tools, kexec-bzImage64.c, do_bzImage64_load"),
      Decision(
        "purgatory, parameters and initrd", choice: "not predicted",
        because: "their sizes are a build's: kexec-tools, kexec-bzImage64.c"),
    ]
    return prediction
  }

  private static func bzImage64Start(
    size: UInt64, alignment: UInt64, from low: UInt64, _ memory: KexecMemory
  ) throws(Stop) -> UInt64 {
    var memory = memory
    let evidence = "init_size \(hex(size)), kernel_alignment \(hex(alignment)), pref_address \(hex(low))"
    guard let top = memory.hole(size: reserve, alignment: 4096, from: 0x3000, through: .max, .highest),
      memory.take(.init(start: top, size: reserve, index: 0)), size > 0,
      let start = memory.hole(size: size, alignment: alignment, from: low, through: .max, .highest),
      memory.holds(start, start &+ size &- 1)
    else {
      throw Stop(
        "Could not find a free area of memory of \(hex(size)) bytes...", evidence: evidence,
        rule: rule("the kernel goes to the highest hole", "kexec/kexec.c, locate_hole"))
    }
    return start
  }
}
