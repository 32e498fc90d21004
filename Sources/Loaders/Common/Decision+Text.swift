import Addresses
public import Placement

// For models, whose texts are put together before. Placement itself has only the initialisers that take sentences: they
// keep boot loaders small.

extension Decision {
  @_disfavoredOverload public init(
    _ subject: String, choice: String, because: String, rejected: [Rejected] = []
  ) {
    self.init(Sentence(subject), choice: Sentence(choice), because: Sentence(because), rejected: rejected)
  }
}

extension Decision.Rejected {
  @_disfavoredOverload public init(_ candidate: String, _ reason: String) {
    self.init(Sentence(candidate), Sentence(reason))
  }
}

extension Remark {
  @_disfavoredOverload public init(_ kind: Kind, _ sentence: String, rule: Rule) {
    self.init(kind, Sentence(sentence), rule: rule)
  }
}
