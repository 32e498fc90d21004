/// The part of JSON Schema (draft 2020-12) that Perch's schema files use: `type`, `const`, `enum`, `pattern`, `minimum`,
/// `properties`, `required`, `additionalProperties`, `items`, `minItems`, `oneOf`, `anyOf` and `$ref` into `$defs`.
///
/// A keyword outside this part is itself a violation: a rule that nobody checks must not look like one that holds.
public struct JSONSchema: Sendable {
  private let root: JSONDocument

  public init(parsing text: String) throws { root = try JSONDocument(parsing: text) }

  /// What is wrong with a value, each with the path to it. Empty for a valid one.
  public func violations(in value: JSONDocument) -> [String] { violations(of: value, by: root, at: "$") }

  private static let annotations: Set<String> = ["$schema", "$id", "$defs", "title", "description", "examples"]

  private func violations(of value: JSONDocument, by schema: JSONDocument, at path: String) -> [String] {
    if case .bool(let allowed) = schema { return allowed ? [] : ["\(path): nothing is allowed here"] }
    return schema.members.sorted { $0.key < $1.key }.flatMap { keyword, rule in
      Self.annotations.contains(keyword)
        ? [] : violations(of: value, keyword: keyword, rule: rule, schema: schema, at: path)
    }
  }

  private func violations(
    of value: JSONDocument, keyword: String, rule: JSONDocument, schema: JSONDocument, at path: String
  ) -> [String] {
    switch keyword {
    case "$ref": violations(of: value, by: definition(rule), at: path)
    case "type": Self.types(rule).contains { Self.value(value, is: $0) } ? [] : ["\(path): type is not \(rule)"]
    case "const": value == rule ? [] : ["\(path): is not \(rule)"]
    case "enum": rule.elements.contains(value) ? [] : ["\(path): \(value) is none of \(rule.elements)"]
    case "pattern": Self.matches(value, rule) ? [] : ["\(path): \(value) does not match \(rule)"]
    case "minimum": (value.number ?? .infinity) >= (rule.number ?? 0) ? [] : ["\(path): \(value) is too small"]
    case "minItems":
      Double(value.elements.count) >= (rule.number ?? 0) ? [] : ["\(path): has \(value.elements.count) items"]
    case "required":
      rule.elements.compactMap(\.string).filter { value.members[$0] == nil }.map { "\(path): lacks \($0)" }
    case "properties":
      rule.members.flatMap { name, rule in
        value.members[name].map { violations(of: $0, by: rule, at: "\(path).\(name)") } ?? []
      }
    case "additionalProperties":
      value.members.filter { schema["properties"].members[$0.key] == nil }
        .flatMap { violations(of: $0.value, by: rule, at: "\(path).\($0.key)") }
    case "items":
      value.elements.enumerated().flatMap { violations(of: $1, by: rule, at: "\(path)[\($0)]") }
    case "oneOf": alternatives(of: value, rule, at: path, allowed: 1...1)
    case "anyOf": alternatives(of: value, rule, at: path, allowed: 1...Int.max)
    default: ["\(path): the schema uses \(keyword), which is not checked"]
    }
  }

  private func alternatives(
    of value: JSONDocument, _ rule: JSONDocument, at path: String, allowed: ClosedRange<Int>
  ) -> [String] {
    let results = rule.elements.map { violations(of: value, by: $0, at: path) }
    let matches = results.count { $0.isEmpty }
    return allowed.contains(matches) ? [] : ["\(path): matches \(matches) alternatives"] + results.flatMap { $0 }
  }

  private func definition(_ reference: JSONDocument) -> JSONDocument {
    guard let name = reference.string, name.hasPrefix("#/$defs/") else { return .bool(false) }
    return root["$defs"].members[String(name.dropFirst("#/$defs/".count))] ?? .bool(false)
  }

  private static func types(_ rule: JSONDocument) -> [String] {
    rule.string.map { [$0] } ?? rule.elements.compactMap(\.string)
  }

  private static func value(_ value: JSONDocument, is type: String) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .string), ("array", .array),
      ("object", .object):
      true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }

  private static func matches(_ value: JSONDocument, _ rule: JSONDocument) -> Bool {
    guard case .string(let text) = value else { return true }
    guard let pattern = rule.string, let expression = try? Regex(pattern) else { return false }
    return text.contains(expression)
  }
}
