import KernelImage
import Placement

/// The fields of a bzImage that kexec reads (kexec/arch/x86_64/kexec-bzImage64.c; kexec/arch/i386/kexec-bzImage.c).
///
/// Some it reads from the file, others from its copy of the setup header, which is as long as the jump over it says:
/// behind the copied bytes those are 0.
struct KexecBzImage {
  let size: UInt64
  /// Where the protected-mode code starts.
  let setupSize: UInt64
  /// In the file: the protocol version, whether relocatable, the longest command line.
  let version: UInt64
  let isRelocatable: Bool
  let greatestCommandLine: UInt64
  /// In the copy.
  let copiedVersion, greatestInitrd, alignment, initSize: UInt64

  /// DEFAULT_INITRD_ADDR_MAX and DEFAULT_BZIMAGE_ADDR_MAX.
  static let greatestInitrd: UInt64 = 0x37ff_ffff

  /// - Parameter start: where the bzImage begins in the file.
  init(_ image: RawSpan, from start: UInt64 = 0, size: UInt64? = nil) {
    self.size = size ?? UInt64(image.byteCount)
    func field<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
      _ type: Value.Type, _ offset: UInt64
    ) -> UInt64 { image.wide(type, at: start &+ offset) ?? 0 }
    let sectors = field(UInt8.self, 0x1f1)
    setupSize = ((sectors == 0 ? 4 : sectors) + 1) * 512
    version = field(UInt16.self, 0x206)
    isRelocatable = field(UInt8.self, 0x234) != 0
    greatestCommandLine = field(UInt32.self, 0x238)
    // The jump's displacement is signed, the length is not: a negative one is the longest.
    let length = Int64(Int8(truncatingIfNeeded: field(UInt8.self, 0x201))) + 0x11
    let copyEnd = 0x1f1 + (length < 0 ? 0x7f : min(0x7f, UInt64(length)))
    func copied<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
      _ type: Value.Type, _ offset: UInt64
    ) -> UInt64 {
      let bits = copyEnd <= offset ? 0 : min(UInt64(Value.bitWidth), (copyEnd - offset) * 8)
      return bits == 0 ? 0 : field(type, offset) & (UInt64.max >> (64 - bits))
    }
    copiedVersion = copied(UInt16.self, 0x206)
    greatestInitrd = copied(UInt32.self, 0x22c)
    alignment = copied(UInt32.self, 0x230)
    initSize = copied(UInt32.self, 0x260)
  }

  /// Why an image is not for bzImage64, or nil where it is (bzImage64_probe).
  static func refusal64(_ image: RawSpan) -> (words: String, evidence: String)? {
    if let refused = refusal(image) { return refused }
    let version = image.wide(UInt16.self, at: 0x206) ?? 0
    guard version >= 0x20c else { return ("Must be at least protocol version 2.12", "version \(hex(version))") }
    let extended = image.wide(UInt16.self, at: 0x236) ?? 0
    guard extended & 3 == 3 else { return ("Not a relocatable bzImage64", "xloadflags \(hex(extended))") }
    return nil
  }

  /// Why an image is not for bzImage, or nil where it is (bzImage_probe).
  static func refusal(
    _ image: RawSpan, from start: UInt64 = 0, size: UInt64? = nil
  ) -> (words: String, evidence: String)? {
    let size = size ?? UInt64(image.byteCount)
    guard size >= 1024 else { return ("File is too short to be a bzImage!", "\(size) bytes") }
    guard image.load(UInt32.self, at: start &+ 0x202) == 0x5372_6448 else {
      return ("Not a bzImage", "header is not HdrS")
    }
    guard image.load(UInt16.self, at: start &+ 0x1fe) == 0xaa55 else {
      return ("No x86 boot sector present", "boot_flag")
    }
    let version = image.wide(UInt16.self, at: start &+ 0x206) ?? 0
    guard version >= 0x200 else { return ("Must be at least protocol version 2.00", "version \(hex(version))") }
    let flags = image.wide(UInt8.self, at: start &+ 0x211) ?? 0
    guard flags & 1 == 1 else { return ("zImage not a bzImage", "loadflags \(hex(flags))") }
    return nil
  }
}
