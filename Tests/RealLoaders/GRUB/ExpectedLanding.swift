import BootProtocols
import Foundation
import Loaders
import Placement

/// What a prediction means to the machine on which GRUB ran: what it moves, the registers, the bytes.
///
/// Between the pieces lies what GRUB and the firmware left there, which nobody predicts. That a piece has not run into
/// its neighbours is seen in the neighbours, all of whose bytes are compared.
struct ExpectedLanding {
  private let prediction: LoadPlan
  private let image: GRUBImage
  private let file: [UInt8]

  init(_ prediction: LoadPlan, of image: GRUBImage) {
    self.prediction = prediction
    self.image = image
    file = image.build()
  }

  /// What is different, or nil.
  func difference(from run: RealGRUB.Run) throws -> String? {
    switch run.verdict {
    case .boots(let landing):
      guard landing.chunks == chunks else { return "model: \(chunks)\nGRUB: \(landing.chunks)" }
      return try registerDifference(landing.registers)
        ?? memoryDifference(run, without: GRUBProbe.stack(landing.registers))
        ?? moduleDifference(run, information: landing.registers["ebx"] ?? 0)
    case .jumpsBlindly(let found) where !image.hasProbe:
      return found == chunks ? nil : "model: \(chunks)\nGRUB: \(found)"
    case .jumpsBlindly(let found) where !isMemory(prediction.entry.address):
      guard found == chunks else { return "model: \(chunks)\nGRUB: \(found)" }
      return try memoryDifference(run, without: 0..<0)
    case .jumpsBlindly, .isSilent, .refuses:
      return "model: jumps to \(prediction.entry.address.swiftText), \(chunks)\nGRUB: \(run.verdict)"
    }
  }

  private func registerDifference(_ found: [String: UInt32]) -> String? {
    var expected = prediction.entry.registers
    expected.append(EntryState.Register("eip", prediction.entry.address, "entry"))
    // The model says of ds that the others are alike.
    if var stack = expected.first(where: { $0.name == "ds" }) {
      stack.name = "ss"
      expected.append(stack)
    }
    for register in expected {
      guard case .exactly(let value) = register.value, let real = found[register.name] else { continue }
      if UInt64(real) != value {
        return "\(register.name): model \(value.swiftText), GRUB \(UInt64(real).swiftText)"
      }
    }
    return nil
  }
}

/// The list of what the relocator moves.
extension ExpectedLanding {
  /// One chunk for each piece, but for a relocated image or one without ELF, which is a chunk as a whole.
  var chunks: [RealGRUB.Chunk] {
    let isWhole = image.tags.contains { $0[0] == 10 } || prediction.pieces.contains { $0.owner == "image" }
    var chunks: [RealGRUB.Chunk] = []
    var whole: (start: UInt64, end: UInt64)?
    for piece in prediction.pieces where piece.extent.count.value > 0 {
      let start = piece.extent.start.value
      if isWhole, piece.owner == "image" || piece.owner.hasPrefix("segment") {
        let end = piece.extent.endValue
        whole = (min(whole?.start ?? start, start), max(whole?.end ?? end, end))
      } else {
        chunks.append(RealGRUB.Chunk(target: start, size: piece.extent.count.value))
      }
    }
    if let first = whole?.start, !prediction.pieces.contains(where: { $0.owner == "image" }) {
      // Empty segments count too.
      let loaded = image.segments.filter { $0.type == 1 }
      let low = loaded.map(\.physical).min() ?? 0
      let start = first + low - (loaded.filter { $0.memorySize > 0 }.map(\.physical).min() ?? low)
      whole = (start, start + (loaded.map { $0.physical + $0.memorySize }.max() ?? 0) - low)
    }
    if let whole { chunks.append(RealGRUB.Chunk(target: whole.start, size: whole.end - whole.start)) }
    return chunks.sorted()
  }
}

/// The bytes.
extension ExpectedLanding {
  private func isMemory(_ address: UInt64) -> Bool {
    address < 0xa_0000 || (0x10_0000..<image.memory << 20).contains(address)
  }

  private func memoryDifference(_ run: RealGRUB.Run, without stack: Range<UInt64>) throws -> String? {
    for (index, piece) in prediction.pieces.enumerated() {
      guard let expected = bytes(of: piece), !expected.isEmpty else { continue }
      let start = piece.extent.start.value
      let found = try run.bytes(at: start, expected.count)
      guard found != expected else { continue }
      let later = prediction.pieces[(index + 1)...].map { $0.extent.start.value..<$0.extent.endValue } + [stack]
      for offset in 0..<expected.count {
        let address = start + UInt64(offset)
        guard isMemory(address), !later.contains(where: { $0.contains(address) }) else { continue }
        let real = offset < found.count ? found[found.startIndex + offset] : nil
        if real != expected[offset] {
          let text = real.map { UInt64($0).swiftText } ?? "nothing"
          return "\(piece.owner), byte \(offset) at \(address.swiftText): model \(UInt64(expected[offset]).swiftText), "
            + "GRUB \(text)"
        }
      }
    }
    return nil
  }

  /// The file's or module's bytes and the zeros behind them; nil for what the model knows only the place of.
  private func bytes(of piece: Piece) -> Data? {
    let zeros = Data(count: Int(piece.zeroFill.value))
    switch piece.source {
    case .image(let range): return Data(file[Int(range.start.value)..<Int(range.endValue)]) + zeros
    case .module(let index): return Data(image.module(index)) + zeros
    case .blob: return nil
    case .zero: return zeros
    }
  }

  /// The modules as the boot information lists them, by first byte and the one behind the last. An empty one is at 0.
  private func moduleDifference(_ run: RealGRUB.Run, information: UInt32) throws -> String? {
    let expected = image.modules.indices.compactMap { index -> Range<UInt64>? in
      guard image.modules[index] > 0 else { return 0..<0 }
      return prediction.pieces.first { $0.owner == "module \(index)" }.map {
        $0.extent.start.value..<$0.extent.endValue
      }
    }
    let found = try GRUBInformation(version: image.version, at: UInt64(information), in: run).modules()
    return found == expected ? nil : "modules: model \(expected), GRUB \(found)"
  }
}
