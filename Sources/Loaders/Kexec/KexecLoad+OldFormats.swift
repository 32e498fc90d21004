import BootProtocols
import KernelImage
import Placement

/// The header of beoboot-x86 (kexec/arch/i386/kexec-beoboot-x86.c, beoboot_probe): a command line and a bzImage behind
/// 16 bytes.
struct KexecBeoboot {
  init?(_ image: RawSpan) {
    guard image.byteCount >= 16, image.load(UInt32.self, at: 0) == 0x426f_6542, image.load(UInt8.self, at: 4) == 1
    else {
      return nil
    }
    let start = 16 + (image.wide(UInt16.self, at: 6) ?? 0)
    guard KexecBzImage.refusal(image, from: start, size: image.wide(UInt32.self, at: 8)) == nil else { return nil }
  }
}

/// The header of nbi-x86, a network boot image (kexec/arch/i386/kexec-nbi.c, nbi_probe).
enum KexecNetBoot {
  static func recognises(_ image: RawSpan) -> Bool {
    guard image.byteCount >= 512, image.load(UInt32.self, at: 0) == 0x1b03_1336,
      let length = image.load(UInt32.self, at: 4), length & 0xf == 4, length & 0x7fff_ff00 == 0
    else { return false }
    var place = firstSegment(length)
    while true {
      guard let segment = image.load(UInt8.self, at: place), let flags = image.load(UInt8.self, at: place + 3),
        segment & 0xf == 4, flags & 0xf8 == 0, flags & 3 != 2
      else { return false }
      place += UInt64((segment & 0xf) + (segment >> 4)) << 2
      guard place <= 512 else { return false }
      if flags & 4 != 0 { return true }
    }
  }

  static func firstSegment(_ length: UInt32) -> UInt64 { UInt64((length & 0xf0) >> 4 + (length & 0xf)) << 2 }
}

extension KexecLoad {
  func beoboot(_ image: RawSpan, _ header: KexecBeoboot) throws(Kexec.Stop) {
    throw Kexec.Stop(
      misbehaves: "loads the bzImage inside by sizes that it does not compare with the file's", evidence: "BeoB",
      rule: Kexec.rule("a beoboot image is taken apart unchecked", "kexec-beoboot-x86.c, beoboot_load"))
  }

  /// nbi_load places segments by their own addresses, then wants a purgatory that it has not loaded: it never succeeds.
  mutating func netBoot(_ image: RawSpan) throws(Kexec.Stop) {
    let length = image.load(UInt32.self, at: 4) ?? 0
    func address(_ place: UInt64) -> UInt64 { image.wide(UInt32.self, at: place) ?? 0 }
    let header = (address(8) >> 16) << 4 + (address(8) & 0xffff)
    try add(.image(0), bytes: 512, at: header, memorySize: 512, "header", "segoff \(hex(address(8)))")
    var (last, end) = (header, header + 512)
    var place = KexecNetBoot.firstSegment(length)
    var isLast = false
    while !isLast {
      let flags = image.load(UInt8.self, at: place + 3) ?? 4
      let wanted = address(place + 4)
      let start = (flags & 3 == 0 ? wanted : flags & 3 == 1 ? end &+ wanted : last &- wanted) & 0xffff_ffff
      let size = address(place + 12)
      try add(.made, bytes: size, at: start, memorySize: size, "segment", "segment header at \(hex(place))")
      (last, end) = (start, (start &+ size) & 0xffff_ffff)
      let step = image.load(UInt8.self, at: place) ?? 4
      place += UInt64((step & 0xf) + (step >> 4)) << 2
      isLast = flags & 4 != 0
    }
    let symbol = length & 0x8000_0000 != 0 ? "entry32_regs32" : "entry16_regs"
    throw Kexec.Stop(
      "Symbol: \(symbol) not found cannot get", evidence: "flags \(hex(UInt64(length)))",
      rule: Kexec.rule("nbi-x86 loads no purgatory and sets its registers", "kexec-nbi.c, nbi_load"))
  }
}
