import Addresses
import Codecs
import KernelImage
import Placement
import Reporting

/// Why a verb ends without its result: the diagnostic to show, and the exit code.
struct Failure: Error {
  let status: ExitStatus
  let diagnostic: Diagnostic

  init(_ status: ExitStatus, _ diagnostic: Diagnostic) {
    self.status = status
    self.diagnostic = diagnostic
  }

  /// - Parameter layer: what was parsed, when that is not the file itself: "payload".
  init(_ error: ParseError, path: String, layer: String? = nil) {
    self.init(.unreadableInput, Diagnostic(error, path: path, layer: layer))
  }

  init(_ error: PlanError, path: String) {
    self.init(.cannotPlan, Diagnostic(error, path: path))
  }

  /// A file that cannot be read.
  init(reading error: FileError) {
    self.init(.unreadableInput, Diagnostic(error, code: 501))
  }

  /// A file that cannot be written.
  init(writing error: FileError) {
    self.init(.hostLacks, Diagnostic(error, code: 502))
  }

  /// - Parameter layer: what was unpacked: "payload".
  init(_ error: CodecError, path: String, layer: String) {
    self.init(
      error.code == .outOfMemory ? .hostLacks : .unreadableInput, Diagnostic(error, path: path, layer: layer))
  }
}

extension Diagnostic {
  init(_ error: FileError, code: UInt16) {
    self.init(code: code, "cannot \(error.operation) the file: \(error.reason)", at: Location(path: error.path))
  }

  init(_ error: CodecError, path: String, layer: String) {
    var evidence: [String] = []
    if let found = error.found { evidence.append("found:   \(Hex.string(found)) (\(found))") }
    if let allowed = error.allowed { evidence.append("allowed: \(allowed.text)") }
    self.init(
      code: error.code.rawValue, error.detail,
      at: Location(path: path, place: "\(layer), \(error.codec.name)", offset: nil),
      evidence: evidence + [
        "at byte \(Hex.string(error.offset.value)) of the compressed data, after \(error.produced.value) unpacked bytes"
      ],
      helps: error.helps)
  }
}

extension CodecError {
  fileprivate var helps: [String] {
    switch code {
    case .truncated, .corrupt, .sizeMismatch:
      ["compare the file with the original; a download or a copy may have been cut short"]
    case .overCap: ["raise the limit with --max-size if you trust the file"]
    case .unsupported, .outOfMemory: []
    }
  }
}
