import Placement
import AddressSpace
import Addresses

/// The list of what will be moved where (grub-core/lib/relocator.c).
struct GRUBRelocator {
  /// Newest last.
  private(set) var chunks: [GRUBChunk] = []
  private var heap: GRUBHeap
  private let machine: MemoryMap
  /// Sources from here on are moved behind all others.
  private var postchunks: UInt32 = .max
  private var highestBeforePost: UInt32 = 0
  /// Whether a chunk was kept between GRUB's own blocks, where room depends on what GRUB has loaded and freed before.
  private(set) var isInGap = false

  init(machine: MemoryMap) {
    self.machine = machine
    heap = GRUBHeap(of: machine)
  }

  /// grub_relocator_alloc_chunk_addr: room for `size` bytes that will lie at `target`. What memory there is at `target`
  /// is not asked.
  mutating func place(at target: UInt32, size: UInt32, _ evidence: @autoclosure () -> String) throws(GRUBStop) {
    guard target <= ~size else {
      throw .refuses(
        "address is out of range", evidence(), "A chunk must end at or below 4 GiB - 1.", .relocator)
    }
    for chunk in chunks where Self.overlap(chunk, target, size) {
      throw .refuses(
        "overlap detected", evidence() + "; \(hex(chunk.target)), \(hex(chunk.size)) bytes, is taken",
        "No two chunks may share a byte.", .relocator)
    }
    guard let source = try source(for: target, size, evidence) else {
      throw .refuses("out of memory", evidence(), "All bytes are kept elsewhere first.", .relocator)
    }
    if source < postchunks { highestBeforePost = max(highestBeforePost, target &+ size, source &+ size) }
    chunks.append(GRUBChunk(source: source, target: target, size: size))
  }

  private static func overlap(_ chunk: GRUBChunk, _ target: UInt32, _ size: UInt32) -> Bool {
    (chunk.target <= target && target < chunk.target &+ chunk.size)
      || (target <= chunk.target && chunk.target < target &+ size)
  }

  private mutating func source(
    for target: UInt32, _ size: UInt32, _ evidence: () -> String
  ) throws(GRUBStop) -> UInt32? {
    let limits = limits(around: target, target)
    if target < 0x10_0000, let source = postSource(size) { return source }
    if let source = heap.take(from: target, to: limits.greatest, alignment: 1, size: size, lowest: true) {
      return source
    }
    guard !heap.takesTooSmallGap(from: target, to: limits.greatest, size: size) else {
      throw .misbehaves(
        "corrupts its heap", evidence(),
        "The sum of a free block's address and the size wraps around 4 GiB, and a gap too small for it is taken.",
        .relocator)
    }
    // The search from the top meets the gaps between GRUB's own blocks before the place of a chunk kept there earlier.
    if postchunks != .max, heap.hasGap(below: target, for: size) {
      isInGap = true
      return postchunks
    }
    if let source = heap.take(from: limits.least, to: target, alignment: 1, size: size, lowest: false) {
      return source
    }
    return postSource(size)
  }

  /// Room above everything else, from the top.
  private mutating func postSource(_ size: UInt32) -> UInt32? {
    guard
      let source = heap.take(
        from: highestBeforePost, to: .max, alignment: 1, size: size, lowest: false, avoiding: chunks)
    else { return nil }
    postchunks = min(postchunks, source)
    return source
  }

  /// adjust_limits: sources stay in the order of their targets.
  private func limits(around low: UInt32, _ high: UInt32) -> (least: UInt32, greatest: UInt32) {
    var least: UInt32 = 0
    var greatest = postchunks
    for chunk in chunks where chunk.source < postchunks {
      if chunk.target > high { greatest = min(greatest, chunk.source) }
      if chunk.target &+ chunk.size <= low { least = max(least, chunk.source &+ chunk.size) }
    }
    return (least, greatest)
  }

  /// grub_relocator_alloc_chunk_align: room for bytes that may lie anywhere in a range; the place.
  ///
  /// - Parameter greatest: the highest address of the first byte.
  mutating func place(
    from lowest: UInt32, upTo greatest: UInt32, size: UInt32, alignment: UInt32, preferHigh: Bool = false,
    preferLow: Bool = false, _ evidence: @autoclosure () -> String
  ) throws(GRUBStop) -> UInt32 {
    let least = max(lowest, 0x1000)
    let limit = size > 0 && greatest > ~size ? ~size &+ 1 : greatest
    if let place = heap.take(
      from: least, to: limit, alignment: alignment, size: size, lowest: !preferHigh, avoiding: chunks)
    {
      chunks.append(GRUBChunk(source: place, target: place, size: size))
      return place
    }
    let isTight = heap.isTight(for: size)
    let limits = limits(around: least, limit)
    let kept = heap.take(
      from: limits.least, to: limits.greatest, alignment: alignment, size: size, lowest: true, avoiding: chunks)
    // A gap that is too small comes to nothing: no usable memory has room for the target.
    let isTooSmall = kept == nil && heap.takesTooSmallGap(from: limits.least, to: limits.greatest, size: size)
    guard let source = kept ?? (isTooSmall ? limits.least : postSource(size)) else {
      throw .refuses("out of memory", evidence(), "All bytes are kept elsewhere first.", .relocator)
    }
    guard
      let first = candidate(
        from: least, upTo: limit, size: size, alignment: alignment, preferHigh: preferHigh, preferLow: preferLow)
    else {
      var refusal = Refusal(
        "couldn't find suitable memory target", evidence: evidence(),
        rule: Rule("The place must be usable memory.", source: GRUBSource.relocator.citation))
      // Whether the bytes are kept anywhere before a place is looked for.
      if isTight { refusal.alternatives = ["out of memory"] }
      throw .refusal(refusal)
    }
    let target = pushed(first, size: size, alignment: alignment, down: preferHigh)
    chunks.append(GRUBChunk(source: source, target: target, size: size))
    return target
  }

  /// The place in usable memory, whoever has it.
  private func candidate(
    from least: UInt32, upTo greatest: UInt32, size: UInt32, alignment: UInt32, preferHigh: Bool, preferLow: Bool
  ) -> UInt32? {
    let mask = ~(UInt64(alignment) &- 1)
    var found: UInt64?
    for range in machine.usable {
      let end = range.endValue
      var place = (range.start.value &+ UInt64(alignment) &- 1) & mask
      if place < least { place = (UInt64(least) &+ UInt64(alignment) &- 1) & mask }
      guard place &+ UInt64(size) <= end, place <= UInt64(greatest) & mask else { continue }
      if preferHigh { place = min(end - UInt64(size), UInt64(greatest)) & mask }
      guard let best = found else {
        found = place
        continue
      }
      if (preferHigh && place > best) || (preferLow && place < best) { found = place }
    }
    return found.map { UInt32(truncatingIfNeeded: $0) }
  }

  /// Moves on past chunks that are in the way; where that leads is not checked again.
  private func pushed(_ first: UInt32, size: UInt32, alignment: UInt32, down: Bool) -> UInt32 {
    var target = first
    // Each step leaves a chunk behind for good, but where addresses wrap.
    for _ in 0...chunks.count {
      guard let chunk = chunks.last(where: { Self.overlap($0, target, size) }) else { break }
      target =
        down
        ? chunk.target.grubAlignedDown(to: alignment)
        : (chunk.target &+ chunk.size).grubAlignedUp(to: alignment)
    }
    return target
  }
}
