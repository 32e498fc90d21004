/// What `--version` prints, and JSON carries as `tool`.
enum ToolVersion {
  static let number = "0.1.0"
  static let text = "perch \(number)"
}
