import Addresses
import KernelImage
import TestSupport
import Testing

@testable import Placement

/// Linux's arithmetic (arch/x86/boot/compressed/misc.c, handle_relocations): with K = 0xffffffff80000000, an image
/// unpacked at OUT and linked at K + L, an entry e names the place signext32(e) + (OUT - L - K), and what is added is
/// VADDR - L.
@Suite struct LinuxRelocationsTests {
  /// L = 0x1000000, OUT = 0x2600000, VADDR = 0x12000000.
  private static let out: UInt64 = 0x260_0000
  private static let delta: Int64 = 0x1200_0000 - 0x100_0000

  /// Places 0x2eb (64-bit), 0x36 (32-bit) and 0x101 (inverse), none aligned.
  private static let kernel: LinuxKernel = {
    var kernel = LinuxKernel(span: 0x4000)
    kernel.table = [0, 0x8100_02eb, 0, 0x8100_0101, 0, 0x8100_0036]
    kernel.text.store(0xffff_ffff_8123_4567 as UInt64, at: 0x2eb)
    kernel.text.store(0x8123_4567 as UInt32, at: 0x36)
    kernel.text.store(0x3000_0000 as UInt32, at: 0x101)
    return kernel
  }()

  @Test func patchesWhatLinuxWouldPatch() throws {
    let plan = try Self.kernel.plan(
      PlanRequest(.computer(128 * mebibyte)) {
        $0.physical = .at(PhysicalAddress(Self.out))
        $0.slide = Self.delta
      })
    // (0xffffffff810002eb + 0x2600000 - 0x1000000 - 0xffffffff80000000) mod 2^64 = 0x26002eb.
    let place = 0xffff_ffff_8100_02eb &+ (Self.out &- 0x100_0000 &- 0xffff_ffff_8000_0000)
    #expect(place == 0x260_02eb)
    let memory = try plan.placedImage(Self.kernel.bytes)
    #expect(plan.imageExtent.start.value == Self.out)
    #expect(memory.word(UInt64.self, at: place - Self.out) == 0xffff_ffff_9223_4567)
    #expect(memory.word(UInt32.self, at: 0x36) == 0x9223_4567)
    // 0x30000000 - 0x11000000.
    #expect(memory.word(UInt32.self, at: 0x101) == 0x1f00_0000)
  }

  @Test func leavesEveryOtherByteAlone() throws {
    let plan = try Self.kernel.plan(PlanRequest(.computer(128 * mebibyte)) { $0.slide = Self.delta })
    let memory = try plan.placedImage(Self.kernel.bytes)
    let patched = Set([0x2eb..<0x2f3, 0x36..<0x3a, 0x101..<0x105].joined())
    for (offset, byte) in Self.kernel.text.enumerated() where !patched.contains(offset) {
      #expect(memory[offset] == byte)
    }
  }

  @Test func withoutASlideNothingIsPatched() throws {
    let plan = try Self.kernel.plan(PlanRequest(.computer(128 * mebibyte)))
    guard case .none = plan.relocations else { return #expect(Bool(false), "relocations at delta 0") }
    let memory = try plan.placedImage(Self.kernel.bytes)
    #expect(Array(memory.prefix(Self.kernel.text.count)) == Self.kernel.text)
  }

  @Test func turnsBackAndAddsUp() throws {
    // Lists of one word each, in the order 64-bit, inverse, 32-bit.
    let lists = [UInt8](words32: 0x8100_0003, 0x8100_0019, 0x8100_0021)
    var generator = SplitMix64(seed: 5)
    for _ in 0..<100 {
      let original = (0..<48).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      let first = Int64(generator.draw(below: 480) * 0x20_0000)
      let second = Int64(generator.draw(below: 480) * 0x20_0000)
      let both = try apply(lists, first + second, to: original)
      #expect(try apply(lists, first, to: apply(lists, second, to: original)) == both)
      #expect(try apply(lists, -first, to: apply(lists, first, to: original)) == original)
    }
  }

  private func apply(_ lists: [UInt8], _ delta: Int64, to memory: [UInt8]) throws -> [UInt8] {
    func word(_ index: UInt64) -> FileRange {
      FileRange(uncheckedStart: FileOffset(4 * index), count: ByteCount(4))
    }
    let relocations = LinuxRelocations(
      entries32: word(2), entriesInverse32: word(1), entries64: word(0), delta: delta,
      linkBase: LinkAddress(0xffff_ffff_8100_0000))
    var copy = memory
    try copy.withMutableRawSpan { (span) throws(PlanError) in
      try lists.withRawSpan { (bytes) throws(PlanError) in try relocations.apply(to: &span, image: bytes) }
    }
    return copy
  }

  /// The image has 48 bytes: a 32-bit word fits at 44 and not at 45, a 64-bit word at 40 and not at 41.
  @Test(
    arguments: [
      ([0x8100_0028, 0x8100_002c, 0x8100_002c], nil), ([0x8100_0029, 0x8100_0000, 0x8100_0000], 0),
      ([0x8100_0000, 0x8100_002d, 0x8100_0000], 4), ([0x8100_0000, 0x8100_0000, 0x8100_002d], 8),
      ([0x80ff_ffff, 0x8100_0000, 0x8100_0000], 0), ([0x8100_0000, 0x8100_0000, 0xffff_ffff], 8),
      ([0x8100_0000, 0x0000_0001, 0x8100_0000], 4),
    ] as [([UInt32], Int?)])
  func refusesAPlaceOutsideTheImage(words: [UInt32], bad: Int?) throws {
    let lists = words.flatMap { [UInt8](littleEndian: $0) }
    let memory = [UInt8](repeating: 0, count: 48)
    guard let bad else {
      _ = try apply(lists, 0x20_0000, to: memory)
      return
    }
    let error = #expect(throws: PlanError.self) { try apply(lists, 0x20_0000, to: memory) }
    #expect(error?.code == .badRelocation)
    #expect(error?.sentence.contains("file offset 0x\(String(bad, radix: 16)) ") == true)
    #expect(error?.sentence.contains("0x" + String(words[bad / 4], radix: 16)) == true)
  }

  @Test func refusesAListBehindTheFile() throws {
    let error = #expect(throws: PlanError.self) {
      try apply([UInt8](words32: 0x8100_0000), 0x20_0000, to: [UInt8](repeating: 0, count: 48))
    }
    #expect(error?.code == .badRelocation)
  }
}
