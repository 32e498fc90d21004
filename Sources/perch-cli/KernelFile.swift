import Addresses
import Codecs
import KernelImage
import Reporting

/// A kernel as an ELF file in memory, with what came along with it.
struct KernelFile {
  private enum Bytes {
    /// The image's own bytes.
    case image(OpenedImage)
    /// The unpacked payload of a bzImage.
    case payload(UnpackedBytes)
  }

  let elf: ELFFile
  /// Linux's relocation table behind the ELF file; nil when nothing follows it.
  let relocations: RelocationTable?
  /// The setup header of the bzImage that held it.
  let setup: SetupHeader?
  /// The bytes of that setup header: what a loader copies into the zero page.
  let setupBytes: [UInt8]?
  private let bytes: Bytes

  /// Unpacks the payload of a bzImage and parses it.
  init(unpacking bzImage: BzImage, of image: InputImage, channels: Channels) throws(Failure) {
    let codec = bzImage.payloadCodec?.name ?? "unknown"
    let size = Size.human(bzImage.payloadRange?.count.value ?? 0)
    let unpacked: UnpackedBytes
    do throws(CodecError) {
      unpacked = try Progress.step("Unpacking \(codec) payload, \(size)", channels: channels) {
        () throws(CodecError) in
        try image.opened.withBytes { (bytes) throws(CodecError) in
          try bzImage.unpackPayload(of: bytes, limits: image.limits)
        }
      }
    } catch {
      throw Failure(error, path: image.path, layer: "payload")
    }
    do throws(ParseError) {
      (elf, relocations) = try unpacked.withBytes { (bytes) throws(ParseError) in
        let elf = try ELFFile(parsing: bytes)
        return (elf, Self.hasLinuxTable(elf) ? try RelocationTable(parsing: bytes, of: elf) : nil)
      }
    } catch {
      throw Failure(error, path: image.path, layer: "payload")
    }
    setup = bzImage.setup
    setupBytes = image.opened.withBytes { Self.copy(bzImage.setup.headerRange, of: $0) }
    bytes = .payload(unpacked)
  }

  /// Parses an image that is an ELF file.
  init(_ image: InputImage) throws(Failure) {
    do throws(ParseError) {
      (elf, relocations) = try image.opened.withBytes { (bytes) throws(ParseError) in
        let elf = try ELFFile(parsing: bytes)
        // What follows an ELF file by itself may be anything (a signature, a symbol map) and is nobody's error.
        return (elf, Self.hasLinuxTable(elf) ? try? RelocationTable(parsing: bytes, of: elf) : nil)
      }
    } catch {
      throw Failure(error, path: image.path, layer: image.opened.layers.isEmpty ? nil : "unpacked file")
    }
    setup = nil
    setupBytes = nil
    bytes = .image(image.opened)
  }

  /// The number of bytes, the relocation table included.
  var size: ByteCount {
    switch bytes {
    case .image(let image): image.count
    case .payload(let unpacked): unpacked.count
    }
  }

  /// Lends the ELF file's bytes, and what follows them.
  func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch bytes {
    case .image(let image): try image.withBytes(body)
    case .payload(let unpacked): try unpacked.withBytes(body)
    }
  }

  /// Whether what follows the ELF file can be Linux's relocation table: only x86 kernels have it.
  private static func hasLinuxTable(_ elf: ELFFile) -> Bool {
    elf.header.byteOrder == .little && (elf.header.machine == .x86_64 || elf.header.machine == .i386)
  }

  /// Those of the bytes that are there.
  static func copy(_ range: FileRange, of bytes: RawSpan) -> [UInt8] {
    var copied: [UInt8] = []
    var offset = range.start.value
    while offset < range.endValue, let byte = bytes.load(UInt8.self, at: offset) {
      copied.append(byte)
      offset += 1
    }
    return copied
  }
}
