import Addresses
import BootProtocols
import Loaders
import Placement

/// What two loaders do with the same image.
///
/// Compared is memory as it stands at the entry. What a loader makes itself (its boot information, its tables) is its own
/// and is not compared; a kernel finds it through the registers, which are.
public struct LoaderComparison: Sendable {
  public var first: LoaderVerdict
  public var second: LoaderVerdict

  public init(_ first: LoaderVerdict, _ second: LoaderVerdict) {
    self.first = first
    self.second = second
  }

  /// In the order of ``PredictionDifference/Field``. Empty where the loaders agree.
  public var differences: [PredictionDifference] {
    guard case .loads(let a) = first.outcome, case .loads(let b) = second.outcome else {
      let isSame = first.kind == second.kind
      return isSame ? [] : [.init(field: .verdict, subject: .none, first: first.inShort, second: second.inShort)]
    }
    let before = FinalMemory(a.pieces)
    let after = FinalMemory(b.pieces)
    // Where one reads the payload and the other the file, offsets of one mean nothing to the other.
    let bytes =
      first.isPayloadRead == second.isPayloadRead
      ? Self.bytes(before.imageRanges, after.imageRanges)
      : [.init(field: .source, subject: .none, first: first.source, second: second.source)]
    return bytes + Self.zeros(before.zeros, after.zeros) + Self.modules(a.pieces, b.pieces)
      + Self.entry(a.entry, b.entry)
  }

  private static func zeros(_ first: [Range<UInt64>], _ second: [Range<UInt64>]) -> [PredictionDifference] {
    let onlyFirst = first.subtracting(second).map { ($0, true) }
    let onlySecond = second.subtracting(first).map { ($0, false) }
    return (onlyFirst + onlySecond).sorted { $0.0.lowerBound < $1.0.lowerBound }.map { range, isFirst in
      .init(field: .zeroFill, subject: range.value, first: .flag(isFirst), second: .flag(!isFirst))
    }
  }

  private static func modules(_ first: [Piece], _ second: [Piece]) -> [PredictionDifference] {
    let a = places(first)
    let b = places(second)
    return Set(a.keys).union(b.keys).sorted().filter { a[$0] != b[$0] }.map { index in
      .init(
        field: .module, subject: .count(index), first: .optional(a[index].map { .range($0) }),
        second: .optional(b[index].map { .range($0) }))
    }
  }

  private static func places(_ pieces: [Piece]) -> [Int: PhysicalRange] {
    var places: [Int: PhysicalRange] = [:]
    for piece in pieces {
      if case .module(let index) = piece.source { places[index] = piece.destination }
    }
    return places
  }

  private static func entry(_ first: EntryState, _ second: EntryState) -> [PredictionDifference] {
    var differences: [PredictionDifference] = []
    if first.mode != second.mode {
      differences.append(.init(field: .mode, subject: .none, first: first.mode.value, second: second.mode.value))
    }
    if first.address != second.address {
      differences.append(
        .init(field: .address, subject: .none, first: .address(first.address), second: .address(second.address)))
    }
    return differences + registers(first, second)
  }

  /// A register that only one of them speaks of is no disagreement, unless they enter in different modes: there it says
  /// where a kernel finds what it is handed, if it is not zero.
  private static func registers(_ first: EntryState, _ second: EntryState) -> [PredictionDifference] {
    let a = named(first.registers)
    let b = named(second.registers)
    var names: [String] = []
    for register in first.registers + second.registers where !names.contains(register.name) {
      names.append(register.name)
    }
    return names.filter { name in
      guard let own = a[name], let other = b[name] else {
        return first.mode != second.mode && (a[name] ?? b[name])?.value != .exactly(0)
      }
      return own.value != other.value
    }.map { name in
      .init(
        field: .register, subject: .text(name), first: .optional(a[name]?.noted), second: .optional(b[name]?.noted))
    }
  }

  private static func named(_ registers: [EntryState.Register]) -> [String: EntryState.Register] {
    Dictionary(registers.map { ($0.name, $0) }) { first, _ in first }
  }
}

extension EntryState.Register {
  /// What it means is for people.
  fileprivate var noted: Reporting.Value { meaning.isEmpty ? value.value : .noted(value.value, meaning) }
}

extension LoaderVerdict {
  /// The sentence for people, the kind for programs.
  var said: Value { .spelled(text: sentence, json: .string(kind.rawValue)) }

  /// The verdict without its words.
  var inShort: Value { .spelled(text: gist, json: .string(kind.rawValue)) }

  var source: Value { .text(isPayloadRead ? "payload" : "file") }
}

extension EntryState.Mode {
  var value: Value { .spelled(text: name, json: .string(rawValue)) }
}

extension Range<UInt64> {
  var value: Value { .range(start: lowerBound, count: upperBound - lowerBound) }
}
