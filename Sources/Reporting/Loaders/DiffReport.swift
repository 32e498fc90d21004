import BootProtocols
import Loaders
import Placement

/// Where two loaders disagree about one image, as a document.
public struct DiffReport {
  private let comparison: LoaderComparison
  private let differences: [PredictionDifference]

  public init(_ comparison: LoaderComparison) {
    self.comparison = comparison
    differences = comparison.differences
  }

  /// Whether there is nothing to show.
  public var isSame: Bool { differences.isEmpty }

  /// The document of `perch diff`.
  public var document: Document {
    var sections = [loaders]
    if isSame {
      sections.append(Section("differences", title: "Differences", .grid(grid), for: .programs))
    } else {
      sections.append(Section("differences", title: "Differences", .grid(grid)))
    }
    return Document(verb: "diff", summary: [summary], sections: sections)
  }

  private var first: LoaderVerdict { comparison.first }
  private var second: LoaderVerdict { comparison.second }

  private var summary: String {
    let names = "\(first.loader.rawValue) and \(second.loader.rawValue)"
    guard isSame else {
      let count = differences.count
      return "\(names) disagree in \(count) thing\(count == 1 ? "" : "s")."
    }
    switch first.kind {
    case .boots, .bootsWithRemarks: return "\(names) agree: the same bytes at the same places, the same entry."
    case .refuses: return "\(names) agree: both refuse."
    case .mustNotBeFed: return "\(names) agree: neither must be fed with it."
    }
  }

  private var loaders: Section {
    func values(_ verdict: LoaderVerdict) -> [Value] {
      var reading: Value = .none
      if case .loads(let prediction) = verdict.outcome { reading = .text(prediction.reading) }
      return [.text(verdict.loader.rawValue), reading, verdict.said]
    }
    let columns: [Grid.Column] = [.init("loader", "loader"), .init("reading", "read as"), .init("verdict", "verdict")]
    return Section("loaders", title: "Loaders", .grid(Grid(columns, rows: [values(first), values(second)])))
  }

  private var grid: Grid {
    let columns: [Grid.Column] = [
      .init("field", "", for: .programs), .init("what", "what", for: .people),
      .init("subject", "of", for: .everyone), .init("first", first.loader.rawValue),
      .init("second", second.loader.rawValue),
    ]
    let rows = differences.map { difference -> [Value] in
      [
        .text(difference.field.rawValue), .text(difference.field.name), difference.subject, difference.first,
        difference.second,
      ]
    }
    return Grid(columns, rows: rows)
  }
}

extension PredictionDifference.Field {
  var name: String {
    switch self {
    case .verdict: "verdict"
    case .source: "bytes read"
    case .bytes: "bytes of the file"
    case .zeroFill: "zeroed memory"
    case .module: "module"
    case .mode: "entry mode"
    case .address: "entry address"
    case .register: "register"
    }
  }
}
