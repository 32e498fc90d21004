public import Loaders
public import Placement

/// What one loader says to an image, and how much that matters to whoever asks.
public struct LoaderVerdict: Sendable {
  public enum Kind: String, Sendable {
    case boots, bootsWithRemarks, refuses, mustNotBeFed
  }

  public var loader: LoaderName
  public var outcome: LoaderOutcome
  /// Whether the image asks for this loader, by its header, notes or processor.
  public var isAddressed: Bool
  /// Whether the user named this loader.
  public var isNamed: Bool
  /// Whether the loader reads the unpacked payload of the file: its file offsets then count from the payload's start.
  public var isPayloadRead: Bool

  public init(
    _ loader: LoaderName, _ outcome: LoaderOutcome, isAddressed: Bool, isNamed: Bool, isPayloadRead: Bool = false
  ) {
    self.loader = loader
    self.outcome = outcome
    self.isAddressed = isAddressed
    self.isNamed = isNamed
    self.isPayloadRead = isPayloadRead
  }

  public var kind: Kind {
    switch outcome {
    case .loads(let prediction): prediction.remarks.isEmpty ? .boots : .bootsWithRemarks
    case .refuses: .refuses
    case .misbehaves: .mustNotBeFed
    }
  }

  /// How bad it is; nil for no finding. What a loader makes of an image that is not made for it is none, unless the user
  /// named that loader; harm that it would do is a warning even so. That something differs from run to run goes wrong for nobody.
  public var severity: Diagnostic.Severity? {
    switch kind {
    case .boots: nil
    case .bootsWithRemarks: isAsked && !isOnlyUnspecified ? .warning : nil
    case .refuses: isAsked ? .error : nil
    case .mustNotBeFed: isAsked ? .error : .warning
    }
  }

  /// Whether anybody wants this loader to boot the image.
  var isAsked: Bool { isAddressed || isNamed }

  /// Whether nothing is remarked but what differs from run to run.
  private var isOnlyUnspecified: Bool {
    guard case .loads(let plan) = outcome else { return false }
    return plan.remarks.allSatisfy { $0.kind == .unspecified }
  }

  var isBooting: Bool { kind == .boots || kind == .bootsWithRemarks }

  /// "boots, but the entry 0x10 lies in no loaded byte (and 2 more: not zeroed, overlap)".
  var sentence: String { gist + detail }

  /// The verdict in a word or two.
  var gist: String {
    switch outcome {
    case .refuses: "refuses"
    case .misbehaves: "must not be fed"
    // That it runs there, nobody who made the image has said.
    case .loads: isAsked ? "boots" : "loads"
    }
  }

  var role: Role? {
    switch kind {
    case .boots, .bootsWithRemarks: severity == .warning ? .warning : isAsked ? .good : nil
    case .refuses: isAsked ? .error : nil
    case .mustNotBeFed: isAsked ? .error : .warning
    }
  }

  /// The rest of the sentence.
  var detail: String {
    switch outcome {
    case .refuses(let refusal):
      // Some loaders leave without a word.
      return refusal.words.isEmpty ? ", without a word: \(refusal.evidence)" : ": \(refusal.words)"
    case .misbehaves(let misbehaviour): return ": \(misbehaviour.effect)"
    case .loads(let plan):
      let remarks = plan.remarks.byGravity
      guard let first = remarks.first else { return "" }
      var others: [String] = []
      for remark in remarks.dropFirst() where !others.contains(remark.kind.name) { others.append(remark.kind.name) }
      let more = others.isEmpty ? "" : " (and \(remarks.count - 1) more: \(others.joined(separator: ", ")))"
      return (isOnlyUnspecified ? "; unspecified: " : ", but ") + first.clause + more
    }
  }

  /// The rule behind the sentence; a loader that boots an image without remark followed all of its rules.
  var rule: Rule? {
    switch outcome {
    case .refuses(let refusal): refusal.rule
    case .misbehaves(let misbehaviour): misbehaviour.rule
    case .loads(let plan): plan.remarks.byGravity.first?.rule
    }
  }

  /// The field and the value that the sentence is about, where the sentence does not hold them.
  var evidence: String? {
    switch outcome {
    case .refuses(let refusal): refusal.words.isEmpty ? nil : refusal.evidence
    case .misbehaves(let misbehaviour): misbehaviour.evidence
    case .loads: nil
    }
  }
}

extension [Remark] {
  /// What keeps a kernel from running stands before what only may surprise; else in the loader's order.
  fileprivate var byGravity: [Remark] {
    enumerated().sorted { ($0.element.kind.gravity, $0.offset) < ($1.element.kind.gravity, $1.offset) }.map(\.element)
  }
}

extension Remark {
  /// The sentence as it follows "boots, but".
  fileprivate var clause: String {
    let text = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    let word = text.prefix { $0 != " " }
    let isName = ["Cloud", "Firecracker", "Limine", "Linux", "Xen"].contains(word)
    // A word of capitals is a name too.
    guard !isName, let first = word.first, !word.dropFirst().contains(where: \.isUppercase) else { return text }
    return first.lowercased() + text.dropFirst()
  }
}

extension Remark.Kind {
  fileprivate var gravity: Int {
    switch self {
    case .outsideMemory, .entryOutsideImage: 0
    case .overlap, .notZeroed, .segmentIgnored: 1
    case .ambiguousReading, .entryElsewhere, .moduleIgnored: 2
    case .unspecified: 3
    }
  }
}
