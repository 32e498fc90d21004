import Codecs
import Foundation
import KernelImage
import Placement
import TestSupport

/// One of Debian's kernels: the file, its payload, and where its decompressor ends.
struct DecompressorKernel: Sendable {
  enum Unusable: Error {
    case noSignature(String)
    case noPayload
  }

  let file: [UInt8]
  let bzImage: BzImage
  let unpacked: UnpackedBytes
  let elf: ELFFile
  let relocations: RelocationTable?
  /// Where the jump to the kernel stands in the wrapper, as a distance from the wrapper's first byte.
  let jump: UInt64
  /// `_end` of the wrapper: it is copied against the end of the buffer.
  let wrapperSize: UInt64

  static func of(_ kernel: DebianKernel) throws -> Self {
    switch kernel {
    case .generic: try generic.get()
    default: try cloud.get()
    }
  }

  private static let cloud = Result { () throws in try Self(DebianKernel.cloud) }
  private static let generic = Result { () throws in try Self(DebianKernel.generic) }

  private init(_ kernel: DebianKernel) throws {
    file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: kernel.path)))
    bzImage = try file.withRawSpan { (bytes) throws(ParseError) in try BzImage(parsing: bytes) }
    unpacked = try Self.unpack(bzImage, file)
    elf = try unpacked.withBytes { (bytes) throws(ParseError) in try ELFFile(parsing: bytes) }
    let elf = elf
    relocations = try unpacked.withBytes { (bytes) throws(ParseError) in try RelocationTable(parsing: bytes, of: elf) }
    let start = Int(bzImage.protectedModeRange.start.value)
    let wrapper = Data(file[start...])
    // jmp *%rax; then hlt; jmp to the hlt (head_64.S, .Lrelocated and what follows it).
    guard let jump = wrapper.range(of: Data([0xff, 0xe0, 0xf4, 0xeb, 0xfd])) else {
      throw Unusable.noSignature("jmp *%rax; hlt")
    }
    self.jump = UInt64(jump.lowerBound - wrapper.startIndex)
    // movl 0x260(%rsi), %ebx; subl $_end, %ebx.
    guard let size = wrapper.range(of: Data([0x8b, 0x9e, 0x60, 0x02, 0, 0, 0x81, 0xeb])) else {
      throw Unusable.noSignature("subl $_end, %ebx")
    }
    wrapperSize = (0..<4).reduce(0) { $0 | UInt64(wrapper[size.upperBound + $1]) << (8 * UInt64($1)) }
  }

  static func unpack(_ bzImage: BzImage, _ file: [UInt8]) throws -> UnpackedBytes {
    try file.withRawSpan { (bytes) throws(CodecError) in try bzImage.unpackPayload(of: bytes) }
  }

  /// The file with the jump to the kernel made a jump to itself, and with its payload changed. LZ4 keeps the first bytes
  /// and the last ones as they are.
  ///
  /// A breakpoint would do too, but on its page, where the XZ decoder is, QEMU then translates one instruction at a time.
  func stopping(_ damage: DecompressorBoot.Damage) throws -> [UInt8] {
    var file = file
    let place = Int(bzImage.protectedModeRange.start.value + jump)
    file.replaceSubrange(place..<place + 2, with: [0xeb, 0xfe])
    guard let payload = bzImage.payloadRange else { throw Unusable.noPayload }
    let (start, end) = (Int(payload.start.value), Int(payload.endValue))
    // The size that the build appends comes last.
    func setLastWord(_ value: UInt32) {
      for index in 0..<4 { file[end - 8 + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))) }
    }
    switch damage {
    case .none: break
    case .magic:
      let magic = try file.firstRange(of: [0x7f, 0x45, 0x4c, 0x46], from: start)
      file[magic] = 0x7e
    case .lastRelocation: setLastWord(1)
    case .otherRelocation: setLastWord(0x8100_0004)
    }
    return file
  }
}

extension [UInt8] {
  fileprivate func firstRange(of bytes: [UInt8], from start: Int) throws -> Int {
    guard let range = self[start...].firstRange(of: bytes) else {
      throw DecompressorKernel.Unusable.noSignature("ELF magic")
    }
    return range.lowerBound
  }
}
