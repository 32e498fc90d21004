import Addresses
import PageTables

/// What is mapped, as a list of pieces: what edits of tables should come to, without tables.
struct MappedPieces {
  struct Piece {
    var start: UInt64
    /// Not 0: no piece ends with the address space.
    var end: UInt64
    var physical: UInt64
    var kind: PageKind
  }

  private(set) var pieces: [Piece] = []

  func byte(at address: UInt64) -> ModelByte? {
    pieces.first { $0.start <= address && address < $0.end }.map {
      ModelByte(physical: $0.physical + (address - $0.start), kind: $0.kind)
    }
  }

  func isFree(_ start: UInt64, _ end: UInt64) -> Bool { pieces.allSatisfy { $0.end <= start || end <= $0.start } }

  func isWhole(_ start: UInt64, _ end: UInt64) -> Bool {
    mapped(start, end).reduce(0) { $0 + $1.end - $1.start } == end - start
  }

  mutating func map(_ start: UInt64, _ end: UInt64, to physical: UInt64, as kind: PageKind) {
    pieces.append(Piece(start: start, end: end, physical: physical, kind: kind))
  }

  mutating func unmap(_ start: UInt64, _ end: UInt64) {
    pieces = pieces.flatMap { piece in
      // What is left before and behind.
      [(piece.start, min(piece.end, start)), (max(piece.start, end), piece.end)].filter { $0.0 < $0.1 }.map {
        part(of: piece, $0.0, $0.1)
      }
    }
  }

  mutating func protect(_ start: UInt64, _ end: UInt64, as access: Access) {
    var changed = mapped(start, end)
    for index in changed.indices { changed[index].kind.access = access }
    unmap(start, end)
    pieces += changed
  }

  /// The parts of pieces that lie in a range.
  private func mapped(_ start: UInt64, _ end: UInt64) -> [Piece] {
    pieces.filter { $0.start < end && start < $0.end }.map { part(of: $0, max($0.start, start), min($0.end, end)) }
  }

  private func part(of piece: Piece, _ start: UInt64, _ end: UInt64) -> Piece {
    Piece(start: start, end: end, physical: piece.physical + (start - piece.start), kind: piece.kind)
  }
}
