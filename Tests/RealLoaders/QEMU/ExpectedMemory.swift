import Addresses
import Foundation
import Loaders
import Machines
import Placement
import TestSupport

/// The bytes that a prediction's pieces take theirs from.
struct Sources {
  var image: [UInt8]
  var modules: [[UInt8]]
  var blobs: [[UInt8]]

  func bytes(of piece: Piece) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: Int(piece.zeroFill.value))
    switch piece.source {
    case .image(let range): return Array(image[Int(range.start.value)..<Int(range.endValue)]) + zeros
    case .module(let index): return modules[index] + zeros
    case .blob(let index): return blobs[index] + zeros
    case .zero: return zeros
    }
  }
}

/// Every byte of the pieces, and what lies around them: the rest of their pages and one page on each side, which holds
/// filler when nothing is written there.
struct ExpectedMemory {
  private struct Run {
    var start: UInt64
    var bytes: ArraySlice<UInt8>
    var end: UInt64 { start + UInt64(bytes.count) }

    func part(_ range: Range<UInt64>) -> Run? {
      let part = range.clamped(to: start..<end)
      guard !part.isEmpty else { return nil }
      let first = bytes.startIndex + Int(part.lowerBound - start)
      return Run(start: part.lowerBound, bytes: bytes[first..<first + part.count])
    }
  }

  private static let page: UInt64 = 4096
  /// Disjoint, by address.
  private var runs: [Run] = []
  /// Whole pages, disjoint, by address.
  private var covers: [Range<UInt64>] = []

  init(_ prediction: LoadPlan, _ sources: Sources) {
    for piece in prediction.pieces where !piece.extent.isEmpty {
      insert(Run(start: piece.extent.start.value, bytes: sources.bytes(of: piece)[...]))
    }
    for run in runs {
      let start = max(run.start / Self.page, 1) - 1
      let cover = start * Self.page..<((run.end - 1) / Self.page + 2) * Self.page
      if let last = covers.last, last.upperBound >= cover.lowerBound {
        covers[covers.count - 1] = last.lowerBound..<max(last.upperBound, cover.upperBound)
      } else {
        covers.append(cover)
      }
    }
  }

  /// Of bytes that are written twice the later ones stay.
  private mutating func insert(_ new: Run) {
    runs = runs.flatMap { [$0.part(0..<new.start), $0.part(new.end..<UInt64.max)].compactMap { $0 } } + [new]
    runs.sort { $0.start < $1.start }
  }

  /// Behind the last byte that is written.
  var end: UInt64 { runs.last?.end ?? 0 }

  func fill(_ memory: GuestMemory) {
    for cover in covers {
      let bytes = [UInt8](repeating: RealQEMU.filler, count: cover.count)
      if memory.store(bytes, at: PhysicalAddress(cover.lowerBound)) { continue }
      // At an end of memory.
      for page in stride(from: cover.lowerBound, to: cover.upperBound, by: Int(Self.page)) {
        memory.store(Array(bytes.prefix(Int(Self.page))), at: PhysicalAddress(page))
      }
    }
  }

  /// Whether the first byte of each run is still filler.
  func isUntouched(_ memory: GuestMemory) -> Bool {
    runs.allSatisfy { run in Self.found(memory, run.start..<run.start + 1) { $0.first } == RealQEMU.filler }
  }

  /// The first byte that is not as expected. Where `ignored`, others write between the runs; where `unspecified`, over
  /// them.
  func difference(
    _ memory: GuestMemory, ignored: [Range<UInt64>], unspecified: [Range<UInt64>]
  ) -> String? {
    for run in runs {
      for range in (run.start..<run.end).without(unspecified) {
        if let part = run.part(range), let text = Self.difference(memory, part) { return text }
      }
    }
    for cover in covers {
      for gap in cover.without(runs.map { $0.start..<$0.end } + ignored) {
        if let text = Self.unfilled(memory, gap) { return text }
      }
    }
    return nil
  }

  private static func difference(_ memory: GuestMemory, _ run: Run) -> String? {
    let equal = found(memory, run.start..<run.end) { found in
      run.bytes.withUnsafeBytes { memcmp(found.baseAddress!, $0.baseAddress!, $0.count) == 0 }
    }
    guard let equal else { return "there is no memory from \(run.start.swiftText) to \(run.end.swiftText)" }
    if equal { return nil }
    let bytes = found(memory, run.start..<run.end) { [UInt8]($0) } ?? []
    guard let index = bytes.indices.first(where: { bytes[$0] != run.bytes[run.bytes.startIndex + $0] }) else {
      return nil
    }
    return text(bytes[index], at: run.start + UInt64(index), hex(run.bytes[run.bytes.startIndex + index]))
  }

  /// Page by page: what is no memory is no difference.
  private static func unfilled(_ memory: GuestMemory, _ gap: Range<UInt64>) -> String? {
    var start = gap.lowerBound
    while start < gap.upperBound {
      let end = min(gap.upperBound, (start / page + 1) * page)
      let strange = found(memory, start..<end) { bytes in bytes.firstIndex { $0 != RealQEMU.filler } } ?? nil
      if let strange, let byte = found(memory, start..<end, { $0[strange] }) {
        return text(byte, at: start + UInt64(strange), "nothing written")
      }
      start = end
    }
    return nil
  }

  private static func found<Result>(
    _ memory: GuestMemory, _ range: Range<UInt64>, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result? {
    let range = PhysicalRange(
      uncheckedStart: PhysicalAddress(unchecked: range.lowerBound), count: ByteCount(UInt64(range.count)))
    return memory.withBytes(of: range) { $0.withUnsafeBytes(body) }
  }

  private static func hex(_ byte: UInt8) -> String { "0x\(String(byte, radix: 16))" }

  private static func text(_ byte: UInt8, at address: UInt64, _ expected: String) -> String {
    "at \(address.swiftText): \(hex(byte)) instead of \(expected)"
  }
}
