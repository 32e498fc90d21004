import Addresses

extension Value {
  /// How the value reads, unpainted.
  public var text: String {
    switch self {
    case .none: "-"
    case .text(let string): Width.printable(string)
    case .count(let count): Decimal.grouped(count)
    case .size(let bytes): Size.human(bytes)
    case .hexSize(let bytes): "\(Hex.string(bytes)) (\(Size.human(bytes)))"
    case .address(let value): Hex.string(value)
    case .distance(let distance): Hex.signed(distance)
    case .range(let start, let count): Hex.string(start) + "-" + Hex.end(start: start, count: count)
    case .flag(let flag): flag ? "yes" : "no"
    case .hundredths(let number, let unit): "\(Decimal.string(hundredths: number)) \(unit)"
    case .access(let access): access.letters
    case .list(let values): values.isEmpty ? "-" : values.map(\.text).joined(separator: ", ")
    case .noted(let value, let note): "\(value.text) (\(Width.printable(note)))"
    case .painted(let value, _): value.text
    case .spelled(let text, _): Width.printable(text)
    }
  }

  /// What the text is, for its colour.
  var role: Role? {
    switch self {
    case .none: .dim
    case .painted(_, let role): role
    case .access(let access): access.role
    default: nil
    }
  }

  /// Numbers stand to the right so that their digits line up; words stand to the left.
  var side: Table.Side {
    switch self {
    case .count, .size, .hexSize, .address, .distance, .hundredths: .right
    case .painted(let value, _): value.side
    case .none, .text, .range, .flag, .access, .list, .noted, .spelled: .left
    }
  }
}

extension Access {
  /// "r--", "rw-", "r-x", "rwx": what is allowed, never what is forbidden.
  var letters: String { "r" + (isWritable ? "w" : "-") + (isExecutable ? "x" : "-") }

  var role: Role {
    switch self {
    case .read: .readable
    case .readWrite: .writable
    case .readExecute: .executable
    case .readWriteExecute: .writableExecutable
    }
  }

  /// Why it is both writable and executable, in a few words.
  var reason: String? {
    guard case .readWriteExecute(let reason) = self else { return nil }
    return switch reason {
    case .segmentFlags: "the image's own segment flags"
    case .sharedPage: "segments with different rights share a page"
    case .bootProtocol: "the boot protocol hands over an identity map"
    }
  }
}
