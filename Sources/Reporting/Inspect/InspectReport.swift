/// What is in an image, as the parts of a document. The caller puts together those that the image has.
public enum InspectReport {
  /// The document of `perch inspect`.
  public static func document(summary: [String], sections: [Section]) -> Document {
    Document(verb: "inspect", summary: summary, sections: sections)
  }
}
