/// Writes a value so that equal values give equal bytes: sorted keys, two spaces of indentation, no trailing space.
struct JSONWriter {
  private var text = ""

  static func write(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    writer.append(value, depth: 0)
    return writer.text
  }

  private mutating func append(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .integer(let number): text += String(number)
    case .hundredths(let number): text += Decimal.string(hundredths: number)
    case .string(let string): append(quoted: string)
    case .array(let elements): append(elements, depth: depth)
    case .object(let members): append(members, depth: depth)
    }
  }

  private mutating func append(_ elements: [JSONValue], depth: Int) {
    guard !elements.isEmpty else { return text += "[]" }
    text += "["
    for (index, element) in elements.enumerated() {
      beginLine(depth: depth + 1, isFirst: index == 0)
      append(element, depth: depth + 1)
    }
    endLine(depth: depth)
    text += "]"
  }

  private mutating func append(_ members: [JSONValue.Member], depth: Int) {
    guard !members.isEmpty else { return text += "{}" }
    text += "{"
    for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
      beginLine(depth: depth + 1, isFirst: index == 0)
      append(quoted: member.key)
      text += ": "
      append(member.value, depth: depth + 1)
    }
    endLine(depth: depth)
    text += "}"
  }

  private mutating func beginLine(depth: Int, isFirst: Bool) {
    text += isFirst ? "\n" : ",\n"
    for _ in 0..<depth { text += "  " }
  }

  private mutating func endLine(depth: Int) {
    text += "\n"
    for _ in 0..<depth { text += "  " }
  }

  /// RFC 8259, section 7: quotation mark, reverse solidus and the controls must be escaped; everything else may stand.
  /// DEL and the C1 controls are escaped as well, since a terminal may act on them.
  private mutating func append(quoted string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar.value {
      case 0x22: text += "\\\""
      case 0x5c: text += "\\\\"
      case 0x08: text += "\\b"
      case 0x09: text += "\\t"
      case 0x0a: text += "\\n"
      case 0x0c: text += "\\f"
      case 0x0d: text += "\\r"
      case 0..<0x20, 0x7f..<0xa0:
        text += "\\u" + Hex.digits(UInt64(scalar.value), width: 4)
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}

extension JSONValue {
  /// The value as indented text without a final newline; equal values give equal bytes.
  public var text: String { JSONWriter.write(self) }
}
