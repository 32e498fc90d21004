import Addresses
public import KernelImage

extension Diagnostic {
  /// Why an image could not be read.
  ///
  /// - Parameters:
  ///   - path: the file that holds the bytes.
  ///   - layer: what was parsed, when that is not the file itself: "payload". Offsets then count from its start.
  public init(_ error: ParseError, path: String, layer: String? = nil) {
    self.init(
      code: error.code.rawValue, error.sentence,
      at: Location(
        path: layer.map { "\(path) (\($0))" } ?? path, place: error.field.isEmpty ? nil : error.field,
        offset: error.offset.value),
      evidence: error.evidence, notes: layer.map { ["the offset counts from the start of the \($0)"] } ?? [],
      helps: error.helps)
  }
}

extension ParseError {
  fileprivate var helps: [String] {
    switch code {
    case .truncated, .outsideFile:
      ["compare the file's size with the original; a download or a copy may have been cut short"]
    case .unrecognised:
      ["Perch reads ELF and Linux bzImage files, also compressed with gzip, xz, lzma, bzip2, zstd or lz4"]
    case .invalidValue, .unsupported, .tooMany: []
    }
  }
}
