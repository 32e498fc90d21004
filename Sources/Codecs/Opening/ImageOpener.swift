import Addresses
import KernelImage

/// Takes compressed wrappers off an image: `Image.gz`, `vmlinux.zst`, EFI zboot, one inside the other. A bzImage is no
/// wrapper: its payload is unpacked by ``BzImage/unpackPayload(of:limits:)``.
public enum ImageOpener {
  /// The most wrappers that are taken off: one for distribution, one for the boot medium, one to spare.
  public static var deepest: Int { 3 }

  /// Unpacks `bytes` until what is inside is no wrapper any more.
  ///
  /// - Returns: the wrappers, outermost first, and the innermost bytes; no layer and no bytes where there was nothing
  ///   to take off.
  /// - Throws: `CodecError` for a wrapper that cannot be unpacked, and for more than ``deepest`` of them.
  public static func peel(
    _ bytes: RawSpan, limits: DecompressionLimits = .standard
  ) throws(CodecError) -> PeeledImage {
    var image = PeeledImage(layers: [], unpacked: nil)
    while let (layer, inner) = try image.withBytes(
      in: bytes, { (outer) throws(CodecError) in try unwrap(outer, depth: image.layers.count, limits: limits) })
    {
      image = PeeledImage(layers: image.layers + [layer], unpacked: inner)
    }
    return image
  }

  private static func unwrap(
    _ bytes: RawSpan, depth: Int, limits: DecompressionLimits
  ) throws(CodecError) -> (PeeledLayer, UnpackedBytes)? {
    guard let wrapper = try Wrapper(in: bytes) else { return nil }
    guard depth < deepest else {
      throw CodecError(
        code: .unsupported, codec: wrapper.codec, offset: FileOffset(0), produced: .zero, found: UInt64(depth) + 1,
        allowed: .atMost(UInt64(deepest)), detail: "packed more than \(deepest) times over")
    }
    let inner = try bytes.part(wrapper.packedRange) { (packed) throws(CodecError) in
      try decompress(packed, codec: wrapper.codec, expected: wrapper.declaredSize, limits: limits)
    }
    let layer = PeeledLayer(
      kind: wrapper.kind, codec: wrapper.codec, packedRange: wrapper.packedRange, unpackedSize: inner.count)
    return (layer, inner)
  }
}

/// What is left of a file's bytes when its wrappers are off.
public struct PeeledImage: Sendable {
  /// The wrappers, outermost first.
  public let layers: [PeeledLayer]
  /// The innermost bytes; nil where nothing was taken off and the file's own bytes are the image.
  public let unpacked: UnpackedBytes?

  /// Lends the innermost bytes to `body`: the unpacked ones, or `original`, from which this was made.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    in original: RawSpan, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let unpacked else { return try body(original) }
    return try unpacked.withBytes(body)
  }
}

extension RawSpan {
  /// Lends a part of the bytes to `body`. A range that reaches outside is cut to what there is.
  func part<Result: ~Copyable, Failure: Error>(
    _ range: FileRange, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let start = Int(min(range.start.value, UInt64(byteCount)))
    let count = Int(min(range.count.value, UInt64(byteCount - start)))
    return try body(extracting(start..<start + count))
  }
}
