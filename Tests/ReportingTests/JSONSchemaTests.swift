import TestSupport
import Testing

/// The validator itself: what it lets pass would be tested by nobody else.
@Suite struct JSONSchemaTests {
  static let cases: [(String, String, Bool)] = [
    (#"{"type": "integer"}"#, "1", true), (#"{"type": "integer"}"#, "1.5", false),
    (#"{"type": ["null", "string"]}"#, "null", true), (#"{"type": ["null", "string"]}"#, "true", false),
    (#"{"type": "boolean"}"#, "1", false), (#"{"const": 3}"#, "3", true), (#"{"const": 3}"#, "4", false),
    (#"{"enum": ["a", "b"]}"#, #""b""#, true), (#"{"enum": ["a", "b"]}"#, #""c""#, false),
    (#"{"pattern": "^0x[0-9a-f]+$"}"#, #""0xff""#, true), (#"{"pattern": "^0x[0-9a-f]+$"}"#, #""0xFF""#, false),
    (#"{"minimum": 0}"#, "-1", false), (#"{"minItems": 1}"#, "[]", false),
    (#"{"required": ["a"]}"#, #"{"a": null}"#, true), (#"{"required": ["a"]}"#, "{}", false),
    (#"{"properties": {"a": {"type": "string"}}}"#, #"{"a": 1}"#, false),
    (#"{"properties": {"a": true}, "additionalProperties": false}"#, #"{"a": 1}"#, true),
    (#"{"properties": {"a": true}, "additionalProperties": false}"#, #"{"b": 1}"#, false),
    (#"{"additionalProperties": {"type": "number"}}"#, #"{"b": "x"}"#, false),
    (#"{"items": {"type": "number"}}"#, #"[1, "x"]"#, false),
    (#"{"oneOf": [{"type": "number"}, {"minimum": 5}]}"#, "3", true),
    (#"{"oneOf": [{"type": "number"}, {"minimum": 5}]}"#, "7", false),
    (#"{"anyOf": [{"type": "number"}, {"minimum": 5}]}"#, "7", true),
    (##"{"$ref": "#/$defs/n", "$defs": {"n": {"type": "number"}}}"##, #""x""#, false),
    (##"{"$ref": "#/$defs/missing"}"##, "1", false), (#"{"multipleOf": 2}"#, "4", false),
  ]

  @Test(arguments: cases)
  func keyword(schema: String, value: String, isValid: Bool) throws {
    let violations = try JSONSchema(parsing: schema).violations(in: JSONDocument(parsing: value))
    #expect(violations.isEmpty == isValid, "\(violations)")
  }

  @Test func violationsSayWhere() throws {
    let schema = try JSONSchema(parsing: #"{"properties": {"a": {"items": {"type": "string"}}}}"#)
    let violations = schema.violations(in: try JSONDocument(parsing: #"{"a": ["x", 1]}"#))
    #expect(violations.count == 1)
    #expect(violations.first?.hasPrefix("$.a[1]: ") == true)
  }
}
