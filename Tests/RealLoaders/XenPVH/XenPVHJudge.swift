import BootProtocols
import Foundation
import Loaders
import Placement
import TestSupport

/// Xen 4.17 with a PVH first domain judges the model: what its console says, the registers at the kernel's first
/// instruction, and the domain's memory as the kernel itself sees it.
struct XenPVHJudge: Judge {
  var name: String { "Xen 4.17, PVH dom0" }
  var loaders: [LoaderName] { [.xenPVH] }
  var counts: ImageCounts { ImageCounts(full: 150, quick: 4) }
  /// Two machines at a time.
  var batch: Int { 2 }
  var missing: String? { XenPVHRun.isExpected ? nil : "scripts/fetch-xen was not run" }
  var named: [NamedImage<XenPVHImage>] { XenPVHImage.recorded }

  func draw(_ random: inout SeededGenerator) -> XenPVHImage { XenPVHImage(drawing: &random) }

  func verdicts(on images: [XenPVHImage]) throws -> [Verdict] {
    let started = try images.map { try Started($0) }
    return started.map { $0.verdict() }
  }

  /// A machine that runs.
  private struct Started {
    let verdictOfXen: XenVerdict
    let expected: ExpectedGuest?
    let run: XenPVHRun?

    init(_ image: XenPVHImage) throws {
      let plain = image.build()
      let verdict = plain.kernel.withRawSpan { XenPVH.dom0($0, image.request) }
      verdictOfXen = verdict
      switch verdict.outcome {
      case .misbehaves: (expected, run) = (nil, nil)
      case .refuses:
        expected = nil
        run = try XenPVHRun(kernel: plain.kernel, image, initrd: plain.initrd, probes: false)
      case .loads(let prediction):
        // The probe's table changes no rule: only bytes of a segment or of the initrd.
        let guest = ExpectedGuest(prediction, image)
        let probing = image.build(printing: guest.probeRuns ? guest.ranges : [])
        expected = guest.filled(kernel: probing.kernel, initrd: probing.initrd)
        run = try XenPVHRun(kernel: probing.kernel, image, initrd: probing.initrd, probes: guest.probeRuns)
      }
    }

    func verdict() -> Verdict {
      guard let run else {
        guard case .misbehaves(let misbehaviour) = verdictOfXen.outcome else { return .disagrees("not run") }
        return .notFed("\(misbehaviour.effect): \(misbehaviour.evidence)")
      }
      let sight = run.finish()
      guard sight.lines == verdictOfXen.lines, sight.isBuilt == (expected != nil) else {
        return .disagrees("model: \(expected == nil ? "refuses" : "loads") \(verdictOfXen.lines)\nXen: \(sight)")
      }
      guard let expected, expected.probeRuns else { return .agrees }
      if let difference = expected.difference(from: sight.probe) { return .disagrees(difference) }
      return sight.memory.dropLast() == [0...0x9_efff] ? .agrees : .disagrees("the domain's memory is \(sight.memory)")
    }
  }
}

/// What the probe must print.
struct ExpectedGuest {
  let prediction: LoadPlan
  let ranges: [Range<UInt64>]
  /// Whether the probe's own bytes are what runs at the entry.
  let probeRuns: Bool
  private var memory: [[UInt8?]] = []
  /// What depends on the host's ACPI tables.
  private static let tables = XenPVHImage.memoryEnd - 4096..<XenPVHImage.memoryEnd

  init(_ prediction: LoadPlan, _ image: XenPVHImage) {
    self.prediction = prediction
    ranges = Array(
      prediction.pieces.flatMap { piece -> [Range<UInt64>] in
        let range = piece.extent.start.value..<piece.extent.endValue
        // Both ends of what is large.
        guard range.count > 0x2_0000 else { return [range] }
        return [range.lowerBound..<range.lowerBound + 0x1_0000, range.upperBound - 0x1_0000..<range.upperBound]
      }.prefix(XenPVHProbe.ranges))
    probeRuns = Self.probeRuns(prediction, image)
  }

  private static func probeRuns(_ prediction: LoadPlan, _ image: XenPVHImage) -> Bool {
    let size = UInt64(XenPVHProbe.code(at: 0, printing: []).count)
    let start = image.entry
    guard prediction.entry.address == start,
      let index = prediction.pieces.lastIndex(where: {
        $0.extent.start.value < start + size && $0.extent.endValue > start
      })
    else { return false }
    let piece = prediction.pieces[index]
    // The last that writes there brings the probe as a whole.
    guard piece.destination.start.value <= start, start + size <= piece.destination.endValue,
      piece.source == .module(0) ? image.probesInitrd && piece.destination.start.value == start : piece.isImage
    else { return false }
    if let offset = image.probeOffset, piece.source != .module(0) {
      // Other bytes of the file may lie there.
      guard case .image(let range) = piece.source,
        range.start.value + (start - piece.destination.start.value) == UInt64(offset)
      else { return false }
    }
    let stack = XenPVHProbe.stackLow..<XenPVHProbe.stack
    return !tables.overlaps(start..<start + size)
      && !prediction.pieces.contains { stack.overlaps($0.extent.start.value..<$0.extent.endValue) }
  }

  /// With the bytes of the pieces, in the order in which they are written.
  func filled(kernel: [UInt8], initrd: [UInt8]?) -> ExpectedGuest {
    var copy = self
    copy.memory = ranges.map { range in
      var bytes = [UInt8?](repeating: nil, count: range.count)
      for piece in prediction.pieces {
        let source = bytesOf(piece, kernel, initrd)
        let first = piece.extent.start.value
        for address in max(
          range.lowerBound, first)..<max(first, range.lowerBound, min(range.upperBound, piece.extent.endValue))
        {
          let index = Int(address - first)
          bytes[Int(address - range.lowerBound)] = index < source.count ? source[index] : 0
        }
      }
      for address in range where isUnspecified(address) { bytes[Int(address - range.lowerBound)] = nil }
      return bytes
    }
    return copy
  }

  /// The ACPI tables, and rsdp_paddr at 32 in hvm_start_info, which names a place among them.
  private func isUnspecified(_ address: UInt64) -> Bool {
    if Self.tables.contains(address) { return true }
    guard case .exactly(let info) = prediction.entry.registers.first(where: { $0.name == "ebx" })?.value else {
      return false
    }
    return (info + 32..<info + 40).contains(address)
  }

  private func bytesOf(_ piece: Piece, _ kernel: [UInt8], _ initrd: [UInt8]?) -> [UInt8] {
    switch piece.source {
    case .image(let range): Array(kernel[Int(range.start.value)..<Int(range.start.value + range.count.value)])
    case .module: initrd ?? []
    case .blob(let index): prediction.blobs[index].bytes
    case .zero: []
    }
  }

  /// The bytes of one of `ranges`; nil for those that nobody knows.
  func bytes(of range: Range<UInt64>) -> [UInt8?] { ranges.firstIndex(of: range).map { memory[$0] } ?? [] }

  /// What is different in what a probe printed.
  func difference(from probe: [UInt8]) -> String? {
    let size = XenPVHProbe.registers.count * 4 + ranges.reduce(0) { $0 + $1.count }
    // The firmware writes to the same console before.
    guard probe.count == size else { return "the probe printed \(probe.count) bytes of \(size)" }
    for (index, name) in XenPVHProbe.registers.enumerated() where !name.isEmpty {
      let value = (0..<4).reduce(UInt64(0)) { $0 | UInt64(probe[index * 4 + $1]) << UInt64($1 * 8) }
      guard let register = prediction.entry.registers.first(where: { $0.name == name }) else {
        return "\(name) is not predicted, but \(value.swiftText)"
      }
      if case .exactly(let predicted) = register.value, predicted != value {
        return "\(name): model \(predicted.swiftText), Xen \(value.swiftText)"
      }
    }
    var position = XenPVHProbe.registers.count * 4
    for (range, bytes) in zip(ranges, memory) {
      for (index, byte) in bytes.enumerated() where byte != nil && byte != probe[position + index] {
        return "at \((range.lowerBound + UInt64(index)).swiftText): model \(byte ?? 0), Xen \(probe[position + index])"
      }
      position += bytes.count
    }
    return nil
  }
}

extension Piece {
  fileprivate var isImage: Bool {
    if case .image = source { return true }
    return false
  }
}
