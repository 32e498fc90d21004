import Addresses
import CCompression
import KernelImage

/// LZ4's legacy frames, `lz4 -l`, which is what Linux packs its payload with (lib/decompress_unlz4.c):
///
///     │ 02 21 4C 18 │ u32 size │ block │ u32 size │ block │ … │ u32 total │
///       magic        └─ unpacks to at most 8 MiB ┘              appended by the build, not by lz4
///
/// There is no end marker. A word that equals the magic starts another frame; the appended total is told from a size by
/// having nothing behind it.
enum LZ4Legacy {
  static var magic: UInt32 { 0x184C_2102 }
  static var blockCapacity: Int { 8 << 20 }
  /// The most bytes that a block of `blockCapacity` can be packed into (`LZ4_COMPRESSBOUND`, lz4.h).
  static var largestBlock: Int { blockCapacity + blockCapacity / 255 + 16 }
}

extension Decoding {
  @unsafe
  func decodeLZ4Legacy(
    in input: UnsafeRawBufferPointer, from start: Int, into output: inout OutputBuffer
  ) throws(CodecError) -> Int {
    guard let magic = unsafe word(in: input, at: start), magic == LZ4Legacy.magic else {
      throw failure(.corrupt, at: start, produced: 0, "the stream does not start with 0x184c2102")
    }
    var offset = start + 4
    while let size = unsafe word(in: input, at: offset) {
      if size == LZ4Legacy.magic {
        offset += 4
        continue
      }
      if size == 0 || isTotal(size, left: input.count - offset - 4, produced: output.count) { return offset }
      let block = offset + 4..<offset + 4 + Int(size)
      if output.isFull, declared != nil, block.upperBound > input.count { return offset }
      guard block.count <= LZ4Legacy.largestBlock else { throw oversized(size, at: offset, produced: output.count) }
      guard block.upperBound <= input.count else { throw truncated(at: input.count, produced: output.count) }
      try unsafe decodeBlock(UnsafeRawBufferPointer(rebasing: input[block]), at: offset, into: &output)
      offset = block.upperBound
    }
    // One to three bytes cannot be a size; the kernel's decoder ignores them too.
    return offset
  }

  /// Whether a word is the total that Linux's build appends: nothing follows it, and it says what came out.
  private func isTotal(_ word: UInt32, left: Int, produced: Int) -> Bool {
    left == 0 && (word == UInt32(truncatingIfNeeded: produced) || declared?.value == UInt64(produced))
  }

  @unsafe
  private func decodeBlock(
    _ block: UnsafeRawBufferPointer, at offset: Int, into output: inout OutputBuffer
  ) throws(CodecError) {
    guard let room = unsafe output.room(for: LZ4Legacy.blockCapacity) else {
      throw noMemory(UInt64(LZ4Legacy.blockCapacity), at: offset, produced: output.count)
    }
    let capacity = min(room.count, LZ4Legacy.blockCapacity)
    let written = unsafe unpack(block, into: UnsafeMutableRawBufferPointer(rebasing: room[..<capacity]))
    if written >= 0 { return output.advance(by: written) }
    // Either the block is broken or it does not fit. Where there was less than a block's room, a trial run tells.
    if capacity < LZ4Legacy.blockCapacity {
      let trial = UnsafeMutableRawBufferPointer.allocate(byteCount: LZ4Legacy.blockCapacity, alignment: 16)
      defer { unsafe trial.deallocate() }
      let whole = unsafe unpack(block, into: trial)
      if whole > 0 { throw tooMuch(at: offset, produced: UInt64(output.count + whole), exact: false) }
    }
    throw failure(.corrupt, at: offset, produced: output.count, "the block of \(block.count) bytes is malformed")
  }

  /// The number of bytes that `block` unpacked to, or a negative number where it is malformed or too large.
  @unsafe
  private func unpack(_ block: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int {
    // SAFETY: liblz4 reads no byte past the block and writes none past the room, whatever the block holds.
    unsafe Int(
      LZ4_decompress_safe(
        block.baseAddress?.assumingMemoryBound(to: CChar.self), room.baseAddress?.assumingMemoryBound(to: CChar.self),
        Int32(block.count), Int32(room.count)))
  }

  private func oversized(_ size: UInt32, at offset: Int, produced: Int) -> CodecError {
    numbered(
      .corrupt, at: offset, produced: ByteCount(UInt64(produced)), found: UInt64(size),
      allowed: .atMost(UInt64(LZ4Legacy.largestBlock)), "a block of \(size) bytes cannot come from 8 MiB")
  }

  @unsafe
  private func word(in input: UnsafeRawBufferPointer, at offset: Int) -> UInt32? {
    guard offset <= input.count, input.count - offset >= 4 else { return nil }
    // SAFETY: the four bytes lie inside the input, by the guard.
    return unsafe UInt32(littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }
}
