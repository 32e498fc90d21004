import Addresses
import KernelImage

/// What one call into a decoding library did.
struct StreamStep {
  enum Outcome {
    case more
    case ended
    case failed(CodecError.Code, String)
    /// The decoder asks for `needed` bytes of memory of its own and may have `allowed`.
    case overMemory(needed: UInt64, allowed: UInt64)
  }

  let consumed: Int
  let produced: Int
  let outcome: Outcome
}

/// A library's decoder that takes input and gives output piecewise.
protocol StreamDecoder: ~Copyable {
  /// Decodes as much as fits. The output of all calls but those after the buffer is full lies contiguously.
  @unsafe
  mutating func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> StreamStep
}

extension Decoding {
  /// Bytes past the end of the output that are unpacked to learn by how much the stream exceeds it.
  private static var overrunProbe: Int { 64 << 10 }

  /// Runs one stream to its end and gives the offset of the first byte after it.
  ///
  /// A nil decoder is one whose library refused to be set up, which happens only for want of memory.
  @unsafe
  func drive<Decoder: StreamDecoder & ~Copyable>(
    _ made: consuming Decoder?, in input: UnsafeRawBufferPointer, from start: Int, into output: inout OutputBuffer
  ) throws(CodecError) -> Int {
    guard var decoder = made else { throw noMemory(0, at: start, produced: output.count) }
    var offset = start
    while !output.isFull {
      guard let room = unsafe output.room(for: Self.overrunProbe) else {
        throw noMemory(UInt64(output.count) &+ 1, at: offset, produced: output.count)
      }
      let step = unsafe decoder.step(UnsafeRawBufferPointer(rebasing: input[offset...]), room)
      offset += step.consumed
      output.advance(by: step.produced)
      if try ended(step, at: offset, produced: output.count, inputLeft: input.count - offset) { return offset }
    }
    return try unsafe finishFull(&decoder, in: input, from: offset, produced: output.count)
  }

  /// Runs a stream whose output buffer is full: it must end without another byte.
  @unsafe
  private func finishFull<Decoder: StreamDecoder & ~Copyable>(
    _ decoder: inout Decoder, in input: UnsafeRawBufferPointer, from start: Int, produced: Int
  ) throws(CodecError) -> Int {
    var offset = start
    var excess = 0
    var probe = [UInt8](repeating: 0, count: Self.overrunProbe)
    while excess < Self.overrunProbe {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: input[offset...])
      let step = unsafe probe.withUnsafeMutableBytes { bytes in
        unsafe decoder.step(rest, UnsafeMutableRawBufferPointer(rebasing: bytes[excess...]))
      }
      offset += step.consumed
      excess += step.produced
      if excess > 0 {
        if case .more = step.outcome, step.consumed + step.produced > 0 { continue }
        break
      }
      if try ended(step, at: offset, produced: produced, inputLeft: input.count - offset) { return offset }
    }
    throw tooMuch(at: offset, produced: UInt64(produced) + UInt64(excess), exact: excess < Self.overrunProbe)
  }

  /// Whether the stream ended with this step; an error where it cannot go on.
  private func ended(_ step: StreamStep, at offset: Int, produced: Int, inputLeft: Int) throws(CodecError) -> Bool {
    switch step.outcome {
    case .ended: return true
    case .failed(let code, let detail): throw failure(code, at: offset, produced: produced, detail)
    case .overMemory(let needed, let allowed):
      throw numbered(
        .outOfMemory, at: offset, produced: ByteCount(UInt64(produced)), found: needed, allowed: .atMost(allowed),
        "the decoder needs \(needed) bytes of memory, \(allowed) are allowed: raise it with --max-size")
    case .more:
      guard step.consumed == 0, step.produced == 0 else { return false }
      if inputLeft == 0 { throw truncated(at: offset, produced: produced) }
      throw failure(.corrupt, at: offset, produced: produced, "the decoder makes no progress")
    }
  }
}
