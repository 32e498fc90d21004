import Addresses
import Codecs
import KernelImage
import Loaders
import Placement
import Reporting

/// A file as the loaders of the field read it: as it is, inside its compressed wrappers, without a check of Perch's own.
struct LoaderImage {
  let path: String
  private let opened: OpenedImage
  /// The unpacked payload of a bzImage; nil for another file, and for a payload that cannot be unpacked.
  private let payload: UnpackedBytes?
  private let setup: LoaderRequest.Setup?

  /// Opens a file, and unpacks its payload where one of the loaders will.
  ///
  /// - Throws: ``Failure`` with exit code 3 for a file that cannot be read or that nothing recognises.
  init(path: String, limits: DecompressionLimits, for loaders: [LoaderName], channels: Channels) throws(Failure) {
    self.path = path
    let opened = try InputImage.open(path, limits: limits, channels: channels)
    guard opened.withBytes({ !sniff($0).isEmpty }) else { throw InputImage.unrecognised(opened) }
    let bzImage = opened.withBytes { try? BzImage(parsing: $0) }
    payload =
      loaders.contains(where: \.unpacksPayloads)
      ? opened.withBytes { bytes in try? bzImage?.unpackPayload(of: bytes, limits: limits) } : nil
    setup = bzImage.map { image in
      .init(header: image.setup, bytes: opened.withBytes { KernelFile.copy(image.setup.headerRange, of: $0) })
    }
    self.opened = opened
  }

  /// The file as a report names it.
  var input: Input { Input(path: path, size: opened.file.count.value) }

  /// What was unpacked before any loader saw the image.
  var layers: [String] { opened.layers.map(\.codec.name) }

  /// Whether a loader reads the unpacked payload of a bzImage and not the file.
  private func isPayloadRead(by loader: LoaderName) -> Bool { payload != nil && loader.unpacksPayloads }

  /// Whether the file is a bzImage without the ELF file that a loader looks for inside, as memtest86+ is.
  private func isPayloadMissing(for loader: LoaderName) -> Bool {
    setup != nil && payload == nil && loader.unpacksPayloads
  }

  /// What a loader does with the image.
  ///
  /// - Parameter isNamed: whether the user named it.
  func verdict(of loader: LoaderName, _ request: LoaderRequest, isNamed: Bool) -> LoaderVerdict {
    var request = request
    if isPayloadRead(by: loader) { request.setup = setup }
    return withBytes(for: loader) { bytes in
      LoaderVerdict(
        loader, loader.model(bytes, request),
        isAddressed: loader.isAddressed(by: bytes) && !isPayloadMissing(for: loader), isNamed: isNamed,
        isPayloadRead: isPayloadRead(by: loader))
    }
  }

  private func withBytes<Result>(for loader: LoaderName, _ body: (RawSpan) -> Result) -> Result {
    if let payload, isPayloadRead(by: loader) { return payload.withBytes(body) }
    if opened.layers.contains(where: { $0.kind == .efiZboot }), !loader.unpacksZboot {
      return opened.file.withBytes(body)
    }
    return opened.withBytes(body)
  }
}

extension LoaderName {
  /// Whether it unpacks the payload of a bzImage by itself and loads the ELF file inside: Perch; Linux; Xen for its dom0
  /// (xen/arch/x86/bzimage.c, which came with Xen 3.4) and for a domU (tools/libs/guest/xg_dom_bzimageloader.c).
  fileprivate var unpacksPayloads: Bool {
    switch self {
    case .perch, .linuxDecompressor, .xenPV, .xenPVH, .xenDomU, .xenPVHDomU: true
    default: false
    }
  }

  /// Whether it takes the kernel out of an EFI zboot file. Others get the file, which is an application of EFI's.
  fileprivate var unpacksZboot: Bool { self == .arm64Image || self == .riscvImage }
}
