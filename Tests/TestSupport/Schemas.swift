import Foundation

/// The schema files of the repository.
public enum Schemas {
  /// - Parameter name: file name without extension: "plan-1.0".
  public static func load(_ name: String) throws -> JSONSchema {
    let url = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../Documentation/Schemas/\(name).json")
    return try JSONSchema(parsing: String(contentsOf: url, encoding: .utf8))
  }
}
