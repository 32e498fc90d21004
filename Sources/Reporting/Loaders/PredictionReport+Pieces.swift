import Addresses
import Loaders
import Placement

extension PredictionReport {
  /// In the loader's order: where two overlap, the later one wins.
  var pieces: Section {
    let columns: [Grid.Column] = [
      .init("source", "", for: .programs),
      .init("from", "from file", for: .people),
      .init("file", "", for: .programs),
      .init("module", "", for: .programs),
      .init("blob", "", for: .programs),
      .init("destination", "physical"),
      .init("size", "size", for: .people),
      .init("zeroFill", "", for: .programs),
      .init("zeros", "zero fill", for: .people),
      .init("owner", "owner"),
      .init("bytes", "", for: .programs),
    ]
    let title = "Pieces: which bytes go where, in the loader's order (a later one overwrites an earlier)"
    return Section("pieces", title: title, .grid(Grid(columns, rows: prediction.pieces.map(row))))
  }

  private func row(_ piece: Piece) -> [Value] {
    sourceValues(piece.source) + [
      .range(piece.destination), Self.unlessZero(piece.destination.count), .size(piece.zeroFill),
      Self.unlessZero(piece.zeroFill), .text(piece.owner), bytes(of: piece.source),
    ]
  }

  private static func unlessZero(_ count: ByteCount) -> Value { count == .zero ? .none : .size(count) }

  /// Kind, digest, file range, module index, blob name.
  private func sourceValues(_ source: Piece.Source) -> [Value] {
    switch source {
    case .image(let range): return [.text("image"), .range(range), .range(range), .none, .none]
    case .module(let index):
      let name = request.modules.indices.contains(index) ? request.modules[index].name : "module \(index)"
      return [.text("module"), .text(name), .none, .count(index), .none]
    case .blob(let index):
      let name = prediction.blobs.indices.contains(index) ? prediction.blobs[index].name : "blob \(index)"
      return [.text("blob"), .text("made by the loader"), .none, .none, .text(name)]
    case .zero: return [.text("zero"), .none, .none, .none, .none]
    }
  }

  /// What the loader makes, as far as the model knows it.
  private func bytes(of source: Piece.Source) -> Value {
    guard case .blob(let index) = source, prediction.blobs.indices.contains(index) else { return .none }
    return .text(Hex.bytes(prediction.blobs[index].bytes))
  }
}
