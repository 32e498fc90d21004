import Foundation

/// A JSON text as tests read it, by Foundation's parser and not by ours.
public enum JSONDocument: Equatable, Decodable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONDocument])
  case object([String: JSONDocument])

  public init(parsing text: String) throws {
    self = try JSONDecoder().decode(JSONDocument.self, from: Data(text.utf8))
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONDocument].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONDocument].self))
    }
  }

  /// The member of an object, or null.
  public subscript(key: String) -> JSONDocument {
    guard case .object(let members) = self else { return .null }
    return members[key] ?? .null
  }

  /// The element of an array, or null.
  public subscript(index: Int) -> JSONDocument {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return .null }
    return elements[index]
  }

  public var elements: [JSONDocument] {
    if case .array(let elements) = self { elements } else { [] }
  }

  public var members: [String: JSONDocument] {
    if case .object(let members) = self { members } else { [:] }
  }

  public var string: String? {
    if case .string(let string) = self { string } else { nil }
  }

  public var number: Double? {
    if case .number(let number) = self { number } else { nil }
  }
}
