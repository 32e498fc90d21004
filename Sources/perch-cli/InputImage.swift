import Addresses
import Codecs
import KernelImage
import Reporting

/// A file that is open, its compressed wrappers taken off, and recognised by its content.
struct InputImage {
  /// As the user wrote it.
  let path: String
  let limits: DecompressionLimits
  /// What the file itself may be, most specific first. Never empty.
  let candidates: [Candidate]
  /// What is left inside the wrappers may be; the same as `candidates` where there is no wrapper.
  let innerCandidates: [Candidate]
  /// The setup header and the parts, when this is a bzImage.
  let bzImage: BzImage?
  let opened: OpenedImage
  private let channels: Channels

  /// Opens a file.
  ///
  /// - Throws: ``Failure`` with exit code 3 for a file that cannot be read, unpacked, or recognised.
  init(path: String, limits: DecompressionLimits = .standard, channels: Channels) throws(Failure) {
    self.path = path
    self.limits = limits
    self.channels = channels
    opened = try Self.open(path, limits: limits, channels: channels)
    candidates = opened.file.withBytes { sniff($0) }
    innerCandidates = opened.withBytes { sniff($0) }
    guard !candidates.isEmpty else { throw Self.unrecognised(opened) }
    guard innerCandidates.first?.kind == .bzImage else {
      bzImage = nil
      return
    }
    do throws(ParseError) {
      bzImage = try opened.withBytes { (bytes) throws(ParseError) in try BzImage(parsing: bytes) }
    } catch {
      throw Failure(error, path: path, layer: opened.layers.isEmpty ? nil : "unpacked file")
    }
  }

  /// The file as a report names it.
  var input: Input { Input(path: path, size: opened.file.count.value) }

  /// Whether Perch decodes what the file holds, beyond naming it.
  var isDecoded: Bool { bzImage != nil || isELF }

  private var isELF: Bool { innerCandidates.contains { $0.kind == .elf } }

  /// The kernel's ELF file: the unpacked payload of a bzImage, or the image itself.
  ///
  /// - Throws: ``Failure`` with exit code 3 when it cannot be unpacked or parsed, or is no ELF file.
  func kernel() throws(Failure) -> KernelFile {
    if let bzImage { return try KernelFile(unpacking: bzImage, of: self, channels: channels) }
    guard isELF else { throw notDecoded }
    return try KernelFile(self)
  }

  private var notDecoded: Failure {
    let kind = innerCandidates.first?.kind.name ?? "file"
    return Failure(
      .unreadableInput,
      Diagnostic(
        code: ParseError.Code.unsupported.rawValue, "\(kind): Perch names it and does not decode it",
        at: .init(path: path), evidence: innerCandidates.map { "\($0.kind.name): \($0.reason)" }))
  }

  static func open(
    _ path: String, limits: DecompressionLimits, channels: Channels
  ) throws(Failure) -> OpenedImage {
    do throws(OpeningError) {
      return try Progress.step("Reading \(path)", channels: channels) { () throws(OpeningError) in
        try OpenedImage(path: path, limits: limits)
      }
    } catch {
      switch error {
      case .file(let error): throw Failure(reading: error)
      case .codec(let error): throw Failure(error, path: path, layer: "compressed file")
      }
    }
  }

  /// The first bytes are the evidence.
  static func unrecognised(_ opened: OpenedImage) -> Failure {
    let (size, head) = opened.withBytes { bytes in
      (UInt64(bytes.byteCount), (0..<min(16, bytes.byteCount)).compactMap { bytes.load(UInt8.self, at: UInt64($0)) })
    }
    let error = ParseError(
      .unrecognised, field: "", at: 0, found: size, allowed: .rule("an image that Perch knows"))
    var diagnostic = Diagnostic(error, path: opened.file.path)
    let digits = head.map { Hex.digits(UInt64($0), width: 2) }.joined(separator: " ")
    diagnostic.evidence = [size == 0 ? "the file is empty" : "the first bytes are \(digits)"]
    return Failure(.unreadableInput, diagnostic)
  }
}
