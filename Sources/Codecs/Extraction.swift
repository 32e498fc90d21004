import Addresses
public import KernelImage

/// A part of a kernel image that can stand by itself.
public enum ImagePart: String, CaseIterable, Sendable {
  /// The boot sector and the setup code of a bzImage: everything before its protected-mode code.
  case setup
  /// The compressed kernel inside a bzImage, as stored, with the size word that the build appends.
  case payload
  /// The ELF file: of the unpacked payload, or of the file itself.
  case vmlinux
  /// What the build appends to the ELF file: Linux's relocation table.
  case relocs
}

/// Why a part could not be taken out of an image.
public enum ExtractionError: Error, Sendable {
  case codec(CodecError)
  case image(ParseError)
  /// The image has no such part; `reason` is a sentence that says why.
  case missing(ImagePart, reason: String)
}

extension BzImage {
  /// Unpacks the compressed kernel to exactly the size that the image declares.
  ///
  /// - Parameter bytes: the image that this was parsed from.
  /// - Throws: `CodecError`; `.unsupported` where the image has no payload or its codec is not known.
  public func unpackPayload(
    of bytes: RawSpan, limits: DecompressionLimits = .standard
  ) throws(CodecError) -> UnpackedBytes {
    guard let payloadRange, let payloadCodec else {
      throw CodecError(
        code: .unsupported, codec: .none, offset: payloadRange?.start ?? FileOffset(0), produced: .zero,
        found: nil, allowed: nil,
        detail: payloadRange == nil
          ? "the image does not say where its payload is (boot protocol before 2.08)"
          : "the payload starts with no codec's magic")
    }
    return try bytes.part(payloadRange) { (payload) throws(CodecError) in
      try decompress(payload, codec: payloadCodec, expected: declaredPayloadSize, limits: limits)
    }
  }
}

extension ImagePart {
  /// Takes the part out of an image and lends it to `body`.
  ///
  /// - Parameter image: a bzImage or an ELF file, its wrappers taken off by `ImageOpener`.
  /// - Throws: ``ExtractionError`` for an image that cannot be parsed or unpacked or that has no such part.
  public func extract<Result>(
    from image: RawSpan, limits: DecompressionLimits = .standard, _ body: (RawSpan) -> Result
  ) throws(ExtractionError) -> Result {
    let isELF = PayloadCodec(magicIn: image, at: 0) == PayloadCodec.none
    if isELF { return try extract(fromBlob: image, body) }
    let bzImage: BzImage
    do throws(ParseError) { bzImage = try BzImage(parsing: image) } catch { throw .image(error) }
    switch self {
    case .setup:
      return image.part(bzImage.realModeRange, body)
    case .payload:
      guard let range = bzImage.payloadRange else {
        throw .missing(self, reason: "the image does not say where its payload is (boot protocol before 2.08)")
      }
      return image.part(range, body)
    case .vmlinux, .relocs:
      let unpacked: UnpackedBytes
      do throws(CodecError) { unpacked = try bzImage.unpackPayload(of: image, limits: limits) } catch {
        throw .codec(error)
      }
      return try unpacked.withBytes { (blob) throws(ExtractionError) in try extract(fromBlob: blob, body) }
    }
  }

  /// Takes the part out of an ELF file and what follows it.
  private func extract<Result>(
    fromBlob blob: RawSpan, _ body: (RawSpan) -> Result
  ) throws(ExtractionError) -> Result {
    guard self == .vmlinux || self == .relocs else {
      throw .missing(self, reason: "the image is an ELF file, not a bzImage")
    }
    let size = UInt64(blob.byteCount)
    let elf: ELFFile
    do throws(ParseError) { elf = try ELFFile(parsing: blob) } catch { throw .image(error) }
    // The tables of a big-endian file are not decoded, so its end is not known: all of it is the ELF file.
    let end = elf.header.byteOrder == .little ? elf.structuralEnd.value : size
    guard self == .relocs else {
      return blob.part(FileRange(uncheckedStart: FileOffset(0), count: ByteCount(end)), body)
    }
    guard end < size else { throw .missing(self, reason: "nothing follows the ELF file") }
    return blob.part(FileRange(uncheckedStart: FileOffset(truncating: end), count: ByteCount(size - end)), body)
  }
}
