import Glibc

/// The memory that a decoder writes into: one reservation of address space that becomes writable as it is needed.
///
///     base            count            writable                      reserved
///      ├─ written ─────┤─ room ──────────┤─ no access, no memory ───────┤
///
/// The bytes never move, so growing copies nothing, and what is never written costs no memory.
@safe
struct OutputBuffer: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let reserved: Int
  private var writable = 0
  /// No byte is written at or past this count.
  let limit: Int
  /// The bytes written so far.
  private(set) var count = 0

  private static var firstStep: Int { 1 << 20 }

  /// Reserves address space for `limit` bytes; nil where the host has none.
  init?(limit: Int) {
    guard limit >= 0, let size = Self.wholePages(max(limit, 1)) else { return nil }
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    // SAFETY: 1. a fresh anonymous mapping aliases nothing; 2. this value alone owns it and unmaps it once.
    guard let base = unsafe mmap(nil, size, PROT_NONE, flags, -1, 0), unsafe base != MAP_FAILED else { return nil }
    // Advice only: large pages save most of the page faults of a large image. A refusal changes nothing.
    _ = unsafe madvise(base, size, MADV_HUGEPAGE)
    unsafe self.base = base
    reserved = size
    self.limit = limit
  }

  var isFull: Bool { count == limit }

  /// Room for at least `wanted` more bytes, less where the limit leaves less. Nil when the host refuses the memory.
  mutating func room(for wanted: Int) -> UnsafeMutableRawBufferPointer? {
    let end = min(limit, count + min(wanted, limit - count))
    if end > writable {
      let goal = min(reserved, max(end, writable > reserved / 2 ? reserved : writable * 2, Self.firstStep))
      guard let size = Self.wholePages(goal),
        unsafe mprotect(base + writable, size - writable, PROT_READ | PROT_WRITE) == 0
      else { return nil }
      writable = size
    }
    // SAFETY: `count` <= `limit` and the bytes up to `writable` were made readable and writable above.
    return unsafe UnsafeMutableRawBufferPointer(start: base + count, count: min(writable, limit) - count)
  }

  /// Counts `written` bytes as part of the output; they are the first of the room that was lent.
  mutating func advance(by written: Int) {
    precondition(written >= 0 && written <= min(writable, limit) - count, "a decoder wrote past its room")
    count += written
  }

  /// Gives back what was not written and hands the rest over.
  consuming func finish(inputConsumed: Int) -> UnpackedBytes {
    // SAFETY: 1. both pointers stay inside the reservation; 2. nothing refers to the tail that is unmapped;
    // 3. ownership of the rest passes to the result, and `discard` keeps the deinit from unmapping it.
    let kept = min(Self.wholePages(max(count, 1)) ?? reserved, reserved)
    if kept < reserved { _ = unsafe munmap(base + kept, reserved - kept) }
    _ = unsafe mprotect(base, kept, PROT_READ)
    let result = unsafe UnpackedBytes(
      owning: UnsafeRawPointer(base), mapped: kept, count: count, inputConsumed: inputConsumed)
    discard self
    return result
  }

  deinit {
    // SAFETY: the mapping is this value's own and no pointer into it outlives a decoder's call.
    _ = unsafe munmap(base, reserved)
  }

  private static func wholePages(_ size: Int) -> Int? {
    let mask = Int(getpagesize()) - 1
    let (sum, overflow) = size.addingReportingOverflow(mask)
    return overflow ? nil : sum & ~mask
  }
}
