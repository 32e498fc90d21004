public import KernelImage

extension InspectReport {
  /// What the file may be, and what speaks for each, most specific first.
  public static func candidates(_ candidates: [Candidate]) -> Section {
    let columns: [Grid.Column] = [.init("kind", "kind"), .init("reason", "because")]
    return Section(
      "candidates", title: "What the file is",
      .grid(Grid(columns, rows: candidates.map { [.text($0.kind.name), .text($0.reason)] })))
  }

  /// A compressed stream inside the image, and what it holds.
  public struct Payload: Sendable {
    /// "bzImage payload", "file".
    public var origin: String
    public var codec: PayloadCodec?
    /// Nil: the stream goes to the end of the file.
    public var compressedSize: UInt64
    public var declaredSize: UInt64?
    public var unpackedSize: UInt64?
    /// What the unpacked bytes are: "ELF".
    public var content: String?

    public init(
      origin: String, codec: PayloadCodec?, compressedSize: UInt64, declaredSize: UInt64? = nil,
      unpackedSize: UInt64? = nil, content: String? = nil
    ) {
      self.origin = origin
      self.codec = codec
      self.compressedSize = compressedSize
      self.declaredSize = declaredSize
      self.unpackedSize = unpackedSize
      self.content = content
    }
  }

  /// The layers of compression, outermost first.
  public static func payloads(_ payloads: [Payload]) -> Section {
    let columns: [Grid.Column] = [
      .init("origin", "what"),
      .init("codec", "codec"),
      .init("compressedSize", "compressed"),
      .init("declaredSize", "declared"),
      .init("unpackedSize", "unpacked"),
      .init("content", "holds"),
    ]
    let rows = payloads.map { payload -> [Value] in
      [
        .text(payload.origin), payload.codec.map { .text($0.name) } ?? .text("unknown"), .size(payload.compressedSize),
        .optional(payload.declaredSize.map { .size($0) }), .optional(payload.unpackedSize.map { .size($0) }),
        .optional(payload.content.map { .text($0) }),
      ]
    }
    return Section("payloads", title: "Compression", .grid(Grid(columns, rows: rows)))
  }
}
