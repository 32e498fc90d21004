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
  /// named that loader, or unless it does harm.
  public var severity: Diagnostic.Severity? {
    switch kind {
    case .boots: nil
    case .bootsWithRemarks: isAsked ? .warning : nil
    case .refuses: isAsked ? .error : nil
    case .mustNotBeFed: .error
    }
  }

  /// Whether anybody wants this loader to boot the image.
  var isAsked: Bool { isAddressed || isNamed }

  var isBooting: Bool { kind == .boots || kind == .bootsWithRemarks }

  /// "boots, but the entry 0x10 lies in no loaded byte (and 2 more)".
  var sentence: String {
    switch outcome {
    case .refuses(let refusal):
      // Some loaders leave without a word.
      return refusal.words.isEmpty ? "refuses, without a word: \(refusal.evidence)" : "refuses: \(refusal.words)"
    case .misbehaves(let misbehaviour): return "must not be fed: \(misbehaviour.effect)"
    case .loads(let prediction):
      guard let first = prediction.remarks.first else { return "boots" }
      let more = prediction.remarks.count - 1
      return "boots, but \(first.sentence)\(more > 0 ? " (and \(more) more)" : "")"
    }
  }

  /// The rule behind the sentence; a loader that boots an image without remark followed all of its rules.
  var rule: Rule? {
    switch outcome {
    case .refuses(let refusal): refusal.rule
    case .misbehaves(let misbehaviour): misbehaviour.rule
    case .loads(let prediction): prediction.remarks.first?.rule
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
