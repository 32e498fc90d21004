import AddressSpace
import Addresses
import PageTables

extension WalkFault {
  /// The reason in one sentence without a full stop.
  func sentence(_ format: PagingFormat) -> String {
    let name = format.mode.name(of: level)
    let entry = "the \(name) entry \(Hex.string(value)) at \(Hex.string(entryAddress.value))"
    switch reason {
    case .notCovered: return "the address is not one that the mode translates: \(format.mode.formRule)"
    case .notPresent: return "\(entry) is not present (\(format.presentBit) is 0)"
    case .reservedBits(let bits): return "\(entry) \(reserved(bits, format))"
    case .outsideMemory:
      return "the \(name) entry at \(Hex.string(entryAddress.value)) lies outside memory"
    case .recursion(let level):
      return
        "\(entry) points to a table on the way to itself, that of level \(format.mode.name(of: level)); it is followed"
    case .tableLimit: return "the limit of tables was reached at \(entry): what lies from here on was not looked at"
    }
  }

  private func reserved(_ bits: UInt64, _ format: PagingFormat) -> String {
    // A format reports the bit that makes the entry what it must not be; on RISC-V that is V.
    if case .riscv = format, bits == 1 { return "points to a table, and there is no level below" }
    guard value & bits == bits else { return "has an encoding in \(Self.text(bits)) that is reserved here" }
    return "sets \(Self.text(bits)), which \(bits.nonzeroBitCount == 1 ? "is" : "are") reserved here"
  }

  /// The reason as programs know it.
  var kind: String {
    switch reason {
    case .notCovered: "notCovered"
    case .notPresent: "notPresent"
    case .reservedBits: "reservedBits"
    case .outsideMemory: "outsideMemory"
    case .recursion: "recursion"
    case .tableLimit: "tableLimit"
    }
  }

  /// "bit 7", "bits 20:13 and 63".
  static func text(_ bits: UInt64) -> String {
    var parts: [String] = []
    var high = 63
    while high >= 0 {
      guard bits >> UInt64(high) & 1 == 1 else {
        high -= 1
        continue
      }
      var low = high
      while low > 0, bits >> UInt64(low - 1) & 1 == 1 { low -= 1 }
      parts.append(low == high ? "\(high)" : "\(high):\(low)")
      high = low - 1
    }
    return (bits.nonzeroBitCount == 1 ? "bit " : "bits ") + parts.joined(separator: ", ")
  }
}

extension PagingMode {
  fileprivate var formRule: String {
    switch addressForm {
    case .zeroExtended: "bits 63:\(virtualBits) must be 0"
    case .oneExtended: "bits 63:\(virtualBits) must be 1"
    case .signExtended: "bits 63:\(virtualBits) must be equal to bit \(virtualBits - 1)"
    }
  }
}

extension PagingFormat {
  fileprivate var presentBit: String {
    switch self {
    case .i386, .pae, .x86_64: "P"
    case .aarch64, .riscv: "V"
    }
  }
}
