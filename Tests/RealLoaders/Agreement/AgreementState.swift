public import Foundation
import Synchronization

/// The verdicts that are known, kept in a file so that a run that was ended goes on where it was: one JSON object a
/// line. Lines of another tool, or of none (a line cut off in its middle), do not count.
public final class AgreementState: Sendable {
  private struct Line: Codable {
    var tool: String
    var judge: String
    /// The image's name; nil for one with a seed.
    var image: String?
    var seed: UInt64?
    var verdict: Verdict

    var label: ImageLabel? { image.map { .named($0) } ?? seed.map { .seed($0) } }
  }

  private struct Known {
    var verdicts: [String: [ImageLabel: Verdict]] = [:]
    var file: FileHandle?
  }

  private let tool: String
  private let known: Mutex<Known>

  /// - Parameters:
  ///   - file: where verdicts are kept; nil keeps them in memory only.
  ///   - tool: a fingerprint of everything that the verdicts depend on.
  ///   - isFresh: forgets what the file holds.
  public init(file: URL?, tool: String, isFresh: Bool = false) throws {
    self.tool = tool
    var start = Known()
    if let file {
      let lines = isFresh ? [] : Self.lines(of: file, tool: tool)
      for line in lines {
        if let label = line.label { start.verdicts[line.judge, default: [:]][label] = line.verdict }
      }
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      // Written anew, so that what is appended starts a line of its own.
      try lines.reduce(into: Data()) { $0 += try Self.encoded($1) }.write(to: file, options: .atomic)
      start.file = try FileHandle(forWritingTo: file)
      try start.file?.seekToEnd()
    }
    known = Mutex(start)
  }

  func verdict(on image: ImageLabel, by judge: String) -> Verdict? {
    known.withLock { $0.verdicts[judge]?[image] }
  }

  func add(_ verdict: Verdict, on image: ImageLabel, by judge: String) throws {
    var entry = Line(tool: tool, judge: judge, verdict: verdict)
    switch image {
    case .named(let name): entry.image = name
    case .seed(let seed): entry.seed = seed
    }
    let line = try Self.encoded(entry)
    try known.withLock { known in
      known.verdicts[judge, default: [:]][image] = verdict
      try known.file?.write(contentsOf: line)
    }
  }

  private static func lines(of file: URL, tool: String) -> [Line] {
    guard let data = try? Data(contentsOf: file) else { return [] }
    return data.split(separator: 0x0a).compactMap { try? JSONDecoder().decode(Line.self, from: $0) }
      .filter { $0.tool == tool }
  }

  private static func encoded(_ line: Line) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(line) + [0x0a]
  }
}

/// Which of a judge's images.
enum ImageLabel: Hashable, Sendable, CustomStringConvertible {
  case named(String)
  case seed(UInt64)

  var description: String {
    switch self {
    case .named(let name): name
    case .seed(let seed): "seed \(seed)"
    }
  }
}
