public import Addresses
import Glibc
public import Placement

/// Which bits of memory may differ from the plan.
public enum LiveBits: Sendable {
  /// None.
  case none
  /// The processor sets the accessed and dirty bits of page-table entries, bits 5 and 6 (Intel SDM vol. 3A, 4.8).
  case accessedAndDirty
}

extension Verifier {
  /// Compares every piece of a plan. `file` is the plan's capsule, whose bytes are the expected ones.
  public mutating func compareMemory(with plan: LoadPlan, capsule: Capsule, file: RawSpan) {
    for piece in plan.pieces where !piece.extent.isEmpty {
      guard let chunk = capsule.chunks.first(where: { $0.memory.contains(piece.extent) }) else {
        report.note(
          .bytes, at: describe(piece.extent), owner: piece.owner, expected: "a part of the capsule", found: "none")
        continue
      }
      let offset = piece.extent.start.value - chunk.memory.start.value
      let inFile = min(piece.extent.count.value, chunk.file.count.value - min(offset, chunk.file.count.value))
      let first = chunk.file.start.value &+ offset
      guard inFile == 0 || file.byteCount > 0 && first &+ inFile <= UInt64(file.byteCount) else {
        report.note(
          .bytes, at: describe(piece.extent), owner: piece.owner, expected: "bytes in the capsule's file",
          found: "the file ends before them")
        continue
      }
      let bits = piece.owner == "page tables" ? LiveBits.accessedAndDirty : .none
      if inFile > 0 {
        let bytes = file.extracting(Int(first)..<Int(first + inFile))
        compare(bytes, at: piece.extent.start, owner: piece.owner, ignoring: bits)
      }
      let zeros = PhysicalRange(
        uncheckedStart: PhysicalAddress(unchecked: piece.extent.start.value + inFile),
        count: ByteCount(piece.extent.count.value - inFile))
      compareZeros(in: zeros, owner: piece.owner)
    }
  }

  /// Compares the memory from `start` with the bytes expected there.
  public mutating func compare(
    _ expected: RawSpan, at start: PhysicalAddress, owner: String, ignoring bits: LiveBits = .none
  ) {
    guard expected.byteCount > 0 else { return }
    guard let range = PhysicalRange(start: start, count: ByteCount(UInt64(expected.byteCount))) else {
      report.note(
        .noMemory, at: "physical \(hex(start))", owner: owner, expected: "\(expected.byteCount) bytes",
        found: "the end of physical addresses")
      return
    }
    var report = report
    let comparison = ByteComparison(start: start, owner: owner, bits: bits)
    let compared: Void? = memory.withBytes(of: range) { comparison.run(expected, $0, into: &report) }
    if compared == nil {
      report.note(.noMemory, at: describe(range), owner: owner, expected: "memory", found: "none")
    }
    self.report = report
  }

  /// Compares a stretch of memory with zeros.
  public mutating func compareZeros(in range: PhysicalRange, owner: String) {
    let block = [UInt8](repeating: 0, count: 1 << 16)
    var done: UInt64 = 0
    while done < range.count.value {
      let count = Int(min(UInt64(block.count), range.count.value - done))
      guard let start = range.start.adding(ByteCount(done)) else { return }
      // SAFETY: every bit pattern of the block's bytes is a byte.
      unsafe compare(block.span.bytes.extracting(0..<count), at: start, owner: owner)
      done += UInt64(count)
    }
  }

  func describe(_ range: PhysicalRange) -> String { "physical \(hex(range))" }
}

/// Compares two spans of the same length, page by page.
private struct ByteComparison {
  private static let pageSize = 4096
  private static let shownBytes = 8

  /// The physical address of the first byte.
  let start: PhysicalAddress
  let owner: String
  let bits: LiveBits

  func run(_ expected: RawSpan, _ found: RawSpan, into report: inout VerificationReport) {
    report.bytesCompared += UInt64(expected.byteCount)
    var offset = 0
    while offset < expected.byteCount {
      let end = min(expected.byteCount, offset + Self.pageSize)
      if !isEqual(expected.extracting(offset..<end), found.extracting(offset..<end)) {
        noteRuns(in: offset..<end, expected, found, into: &report)
      }
      offset = end
    }
  }

  private func isEqual(_ expected: RawSpan, _ found: RawSpan) -> Bool {
    unsafe expected.withUnsafeBytes { expected in
      unsafe found.withUnsafeBytes { found in
        // SAFETY: 1. neither is empty, so that both have an address; 2. the shorter count is what is read.
        unsafe memcmp(
          expected.baseAddress.unsafelyUnwrapped, found.baseAddress.unsafelyUnwrapped,
          min(expected.count, found.count)) == 0
      }
    }
  }

  private func noteRuns(
    in range: Range<Int>, _ expected: RawSpan, _ found: RawSpan, into report: inout VerificationReport
  ) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      guard differs(expected, found, at: offset) else {
        offset += 1
        continue
      }
      let first = offset
      while offset < range.upperBound, differs(expected, found, at: offset) { offset += 1 }
      let place = PhysicalRange(
        uncheckedStart: PhysicalAddress(unchecked: start.value + UInt64(first)),
        count: ByteCount(UInt64(offset - first)))
      report.note(
        .bytes, at: "physical \(hex(place))", owner: owner, expected: show(expected, first..<offset),
        found: show(found, first..<offset))
    }
  }

  private func differs(_ expected: RawSpan, _ found: RawSpan, at offset: Int) -> Bool {
    let difference = byte(expected, offset) ^ byte(found, offset)
    switch bits {
    case .none: return difference != 0
    case .accessedAndDirty:
      let isLowByte = (start.value + UInt64(offset)) % 8 == 0
      return difference & (isLowByte ? ~0x60 : 0xff) != 0
    }
  }

  private func show(_ bytes: RawSpan, _ range: Range<Int>) -> String {
    var text = ""
    for offset in range.prefix(Self.shownBytes) {
      let digits = String(byte(bytes, offset), radix: 16)
      text += (text.isEmpty ? "" : " ") + (digits.count == 1 ? "0" : "") + digits
    }
    return range.count > Self.shownBytes ? text + " …" : text
  }

  private func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
    // SAFETY: 1. the load is bounds-checked; 2. every bit pattern is an integer.
    unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
