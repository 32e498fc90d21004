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
  fileprivate var sentence: String {
    switch code {
    case .truncated: "the file ends before \(field) does"
    case .unrecognised: "the file is nothing Perch recognises"
    case .invalidValue: "\(field) holds a value that its format does not allow"
    case .outsideFile: "\(field) points outside the file"
    case .unsupported: "\(field) says a variant that Perch does not decode"
    case .tooMany: "\(field) counts more than a well-formed image can have"
    }
  }

  fileprivate var evidence: [String] {
    switch code {
    case .unrecognised: []
    case .truncated: ["the file has \(found.both) bytes", "needed: \(allowed.text)"]
    case .invalidValue, .outsideFile, .unsupported, .tooMany: ["found:   \(found.both)", "allowed: \(allowed.text)"]
    }
  }

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

extension ParseError.Allowed {
  /// "at most 0x40 (64)".
  public var text: String {
    switch self {
    case .exactly(let value): value.both
    case .atLeast(let value): "at least \(value.both)"
    case .atMost(let value): "at most \(value.both)"
    case .multipleOf(let value): "a multiple of \(value.both)"
    case .rule(let words): words.description
    }
  }
}

extension UInt64 {
  /// "0x40 (64)"; one spelling where both are the same digits.
  fileprivate var both: String { self < 10 ? String(self) : "\(Hex.string(self)) (\(self))" }
}
