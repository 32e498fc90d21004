import Addresses
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

/// The pieces and a page around each, as pages of bytes; nil where nothing is written.
struct ExpectedMemory {
  private var pages: [UInt64: [UInt8?]] = [:]

  init(_ prediction: LoadPlan, _ sources: Sources, layout: GuestMemory.Layout) {
    for piece in prediction.pieces where !piece.extent.isEmpty {
      // Of a large piece, its ends.
      let whole = sources.bytes(of: piece)
      let first = piece.extent.start.value >> 12
      let last = (piece.extent.endValue - 1) >> 12
      for page in (max(first, 1) - 1)...(last + 1)
      where pages[page] == nil && (page < first + 16 || page + 16 > last) {
        pages[page] = [UInt8?](repeating: nil, count: 4096)
      }
      for index in whole.indices where index < 0x1_1000 || index + 0x1_1000 >= whole.count {
        let byte = whole[index]
        let address = piece.extent.start.value + UInt64(index)
        pages[address >> 12]?[Int(address & 0xfff)] = byte
      }
    }
  }

  /// From the first piece above 1 MiB to the last one's page: QEMU writes its Multiboot buffer whole.
  var span: Range<UInt64> {
    let high = pages.filter { $0.key >= 0x100 && $0.value.contains { $0 != nil } }.keys
    guard let first = high.min(), let last = high.max() else { return 0..<0 }
    return first << 12..<(last + 2) << 12
  }

  func fill(_ memory: GuestMemory) {
    let bytes = [UInt8](repeating: RealQEMU.filler, count: 4096)
    for page in pages.keys { memory.store(bytes, at: PhysicalAddress(page << 12)) }
  }

  /// Whether what was filled is still filler throughout.
  func isUntouched(_ memory: GuestMemory) -> Bool {
    for page in pages.keys {
      let range = PhysicalRange(uncheckedStart: PhysicalAddress(page << 12), count: ByteCount(4096))
      let filler = memory.withBytes(of: range) { span in
        (0..<4096).allSatisfy { span.load(UInt8.self, at: UInt64($0)) == RealQEMU.filler }
      }
      if filler == false { return false }
    }
    return !pages.isEmpty
  }

  func difference(_ memory: GuestMemory, ignored: [Range<UInt64>]) -> String? {
    for (page, bytes) in pages.sorted(by: { $0.key < $1.key }) {
      let range = PhysicalRange(uncheckedStart: PhysicalAddress(page << 12), count: ByteCount(4096))
      let found = memory.withBytes(of: range) { span in
        (0..<4096).map { span.load(UInt8.self, at: UInt64($0)) ?? 0 }
      }
      guard let found else { continue }
      for (index, byte) in bytes.enumerated() where found[index] != byte ?? RealQEMU.filler {
        let address = (page << 12) + UInt64(index)
        if byte == nil, ignored.contains(where: { $0.contains(address) }) { continue }
        let expected = byte.map { "0x\(String($0, radix: 16))" } ?? "nothing written"
        return "at \(address.swiftText): 0x\(String(found[index], radix: 16)) instead of \(expected)"
      }
    }
    return nil
  }
}
