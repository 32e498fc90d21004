extension TargetRegister {
  /// The documents that a target description includes, in order (GDB manual, appendix G.2.2, `xi:include`).
  static func inclusions(in document: String) -> [String] {
    elements("xi:include", in: document).compactMap { attribute("href", of: $0) }
  }

  /// The registers of a target description's documents, which come in the order of their inclusion: a register without
  /// a `regnum` follows the one before it. Of registers with the same name, the first.
  static func registers(in documents: [String]) -> [String: TargetRegister] {
    var registers: [String: TargetRegister] = [:]
    var next = 0
    for element in documents.flatMap({ elements("reg", in: $0) }) {
      let number = attribute("regnum", of: element).flatMap { Int($0) } ?? next
      guard number >= 0, number < Int(Int32.max) else { continue }
      next = number + 1
      guard let name = attribute("name", of: element), registers[name] == nil,
        let bitSize = attribute("bitsize", of: element).flatMap({ Int($0) })
      else { continue }
      registers[name] = TargetRegister(number: number, bitSize: bitSize)
    }
    return registers
  }

  /// What stands between `<name` and `>` wherever that is an element. QEMU writes no `>` into an attribute.
  private static func elements(_ name: String, in document: String) -> [Substring] {
    withoutComments(document).split(separator: "<").compactMap { piece in
      guard piece.hasPrefix(name), let end = piece.firstIndex(of: ">") else { return nil }
      let body = piece[piece.index(piece.startIndex, offsetBy: name.count)..<end]
      return body.first?.isWhitespace == true ? body : nil
    }
  }

  /// Comments hold elements too: registers of x86 that QEMU does not have.
  private static func withoutComments(_ document: String) -> String {
    let pieces = document.split(separator: "<!--", omittingEmptySubsequences: false)
    return pieces.dropFirst().reduce(into: String(pieces[0])) { text, piece in
      text += piece.firstRange(of: "-->").map { piece[$0.upperBound...] } ?? ""
    }
  }

  private static func attribute(_ name: String, of element: Substring) -> String? {
    // Value, blank and name alternate between the quotes.
    let pieces = element.split(separator: "\"", omittingEmptySubsequences: false)
    for index in stride(from: 0, to: pieces.count - 1, by: 2)
    where pieces[index].drop(while: \.isWhitespace) == "\(name)=" {
      return String(pieces[index + 1])
    }
    return nil
  }
}
