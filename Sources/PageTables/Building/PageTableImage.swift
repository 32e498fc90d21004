public import AddressSpace
public import Addresses

/// The finished tables of an address space, ready to be copied to their physical place.
public struct PageTableImage: Sendable {
  /// What the root register gets.
  public let root: PhysicalAddress
  /// Frame by frame from `root` upwards, level after level: the PML4, the PDPTs, the PDs, the PTs.
  public let bytes: [UInt8]
  public let budget: PageTableBudget

  /// The physical memory that the tables take.
  public var range: PhysicalRange { PhysicalRange(uncheckedStart: root, count: ByteCount(UInt64(bytes.count))) }

  /// Builds the tables in the mode's usual format; see ``init(building:format:at:)``.
  public init(building space: AddressSpace, at base: PhysicalAddress) {
    switch PagingFormat(space.mode) {
    case .i386(let format): self.init(building: space, format: format, at: base)
    case .pae(let format): self.init(building: space, format: format, at: base)
    case .x86_64(let format): self.init(building: space, format: format, at: base)
    case .aarch64(let format): self.init(building: space, format: format, at: base)
    case .riscv(let format): self.init(building: space, format: format, at: base)
    }
  }

  /// Builds the tables of `space` in contiguous frames from `base`, root first.
  ///
  /// - Precondition: `format` is one of the space's mode; `base` is a multiple of a frame, and
  ///   ``PageTableBudget/byteCount`` bytes from there lie in physical memory that the format's entries reach.
  public init(building space: AddressSpace, format: some TableFormat, at base: PhysicalAddress) {
    let budget = PageTableBudget(for: space, format: format)
    let count = Int(budget.byteCount.value)
    precondition(format.mode == space.mode, "a format of the space's mode")
    precondition(base.value & (budget.frameSize.value - 1) == 0, "tables start on a frame")
    precondition(PhysicalRange(start: base, count: budget.byteCount) != nil, "tables lie in physical memory")
    // SAFETY: 1. every byte is initialized: the root is cleared, and each table is either cleared or written whole; 2. the
    // memory that reaches the buffer does not leave the closure.
    bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let raw = unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
      guard let memory = unsafe RegionTableMemory(base: base, bytes: raw) else {
        preconditionFailure("the allocator aligns to 16 bytes")
      }
      Self.build(space, format: format, budget: budget, memory: memory)
      initialized = count
    }
    root = base
    self.budget = budget
  }

  private static func build<Format: TableFormat>(
    _ space: AddressSpace, format: Format, budget: PageTableBudget, memory: RegionTableMemory
  ) {
    let root = memory.range.start
    var frames = LeveledFrames(budget, at: root)
    let tables = TranslationTables(format: format, memory: memory, root: root)
    let words = Int(budget.frameSize.value / 8)
    let user = space.mappings.contains { $0.isUser }
    precondition(memory.storeEntries(words, first: 0, step: 0, at: root), "the root is inside")
    for mapping in space.mappings {
      do throws(TableEditError) {
        try tables.mapChecked(
          mapping.virtual, to: mapping.physical, as: mapping.kind, largest: mapping.largestPage, user: user,
          frames: &frames)
      } catch {
        preconditionFailure("an address space contradicts itself nowhere")
      }
    }
    precondition(frames.isUsedUp, "the budget is exact")
  }
}
