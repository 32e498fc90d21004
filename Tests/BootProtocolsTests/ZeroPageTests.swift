import AddressSpace
import Addresses
import BootProtocols
import Testing

/// Offsets are those of Linux's Documentation/arch/x86/zero-page.rst and boot.rst, written out again.
@Suite struct ZeroPageTests {
  /// A header of the length that protocol 2.15 has, 0x1f1 to 0x26c, each byte its own offset but for `loadflags`.
  private static let header: [UInt8] = (0x1f1..<0x26c).map { $0 == 0x211 ? 0x81 : UInt8(truncatingIfNeeded: $0) }

  @Test func headerIsCopiedToItsPlace() {
    let bytes = ZeroPage(setupHeader: Self.header).bytes
    #expect(bytes.count == 4096)
    // What the loader writes: type_of_loader, ramdisk_image and size, cmd_line_ptr, setup_data.
    let written: Set = Set([0x210]).union(0x218..<0x220).union(0x228..<0x22c).union(0x250..<0x258)
    for offset in 0x1f1..<0x26c where !written.contains(offset) {
      #expect(bytes[offset] == Self.header[offset - 0x1f1], "offset \(offset)")
    }
    #expect(bytes[0x210] == 0xff)
    // LOADED_HIGH was there, CAN_USE_HEAP stays.
    #expect(bytes[0x211] == 0x81)
    #expect(bytes[..<0x1f1].allSatisfy { $0 == 0 })
    #expect(bytes[0x1ef] == 0)
    #expect(bytes[0x26c...].allSatisfy { $0 == 0 })
    for offset in written where offset != 0x210 { #expect(bytes[offset] == 0) }
  }

  @Test func headerCannotReachTheMemoryMap() {
    // The longest that the byte at 0x201 can claim: 0x202 + 0xff = 0x301, beyond e820_table at 0x2d0.
    let bytes = ZeroPage(setupHeader: [UInt8](repeating: 0xee, count: 0x301 - 0x1f1)).bytes
    #expect(bytes[0x28f] == 0xee)
    #expect(bytes[0x290...].allSatisfy { $0 == 0 })
    #expect(ZeroPage(setupHeader: []).bytes[0x211] == 1)
  }

  @Test func headerOfABareVmlinux() {
    let bytes = ZeroPage(setupHeader: nil).bytes
    #expect(bytes.integer(at: 0x1fe, size: 2) == 0xaa55)
    #expect(Array(bytes[0x202..<0x206]) == Array("HdrS".utf8))
    #expect(bytes.integer(at: 0x206, size: 2) == 0x020f)
    #expect(bytes[0x210] == 0xff)
    #expect(bytes[0x211] == 1)
  }

  @Test func pointersOf64Bits() {
    var page = ZeroPage(setupHeader: nil)
    page.commandLine = PhysicalAddress(0x12_3456_789a)
    page.initialRAMDisk = range(0x23_4567_8000, 0x34_5678_9abc)
    page.acpiRootPointer = PhysicalAddress(0xf_5a10)
    page.setupData = PhysicalAddress(0x45_6789_abc8)
    #expect(page.bytes.integer(at: 0x228, size: 4) == 0x3456_789a)
    #expect(page.bytes.integer(at: 0x0c8, size: 4) == 0x12)
    #expect(page.bytes.integer(at: 0x218, size: 4) == 0x4567_8000)
    #expect(page.bytes.integer(at: 0x0c0, size: 4) == 0x23)
    #expect(page.bytes.integer(at: 0x21c, size: 4) == 0x5678_9abc)
    #expect(page.bytes.integer(at: 0x0c4, size: 4) == 0x34)
    #expect(page.bytes.integer(at: 0x070) == 0xf_5a10)
    #expect(page.bytes.integer(at: 0x250) == 0x45_6789_abc8)
    #expect(page.commandLine == PhysicalAddress(0x12_3456_789a))
    #expect(page.initialRAMDisk == range(0x23_4567_8000, 0x34_5678_9abc))
    #expect(page.acpiRootPointer == PhysicalAddress(0xf_5a10))
    #expect(page.setupData == PhysicalAddress(0x45_6789_abc8))
    page.initialRAMDisk = nil
    page.commandLine = nil
    #expect(page.initialRAMDisk == nil && page.commandLine == nil)
    #expect(page.bytes.integer(at: 0x0c4, size: 4) == 0 && page.bytes.integer(at: 0x21c, size: 4) == 0)
  }

  @Test func randomisationFlag() {
    var page = ZeroPage(setupHeader: Self.header)
    page.isRandomized = true
    // CAN_USE_HEAP | KASLR_FLAG | LOADED_HIGH
    #expect(page.bytes[0x211] == 0x83)
    #expect(page.isRandomized)
    page.isRandomized = false
    #expect(page.bytes[0x211] == 0x81)
    page.loaderType = 0xb0
    #expect(page.bytes[0x210] == 0xb0)
  }

  @Test func memoryMapEntries() {
    var page = ZeroPage(setupHeader: nil)
    let map = MemoryMap(normalising: [
      .init(range: range(0, 0x9_fc00), kind: .usable), .init(range: range(0xf_0000, 0x1_0000), kind: .reserved),
      .init(range: range(0x10_0000, 0x1_2345_6000), kind: .usable),
      .init(range: range(0x2_0000_0000, 0x1000), kind: MemoryKind(rawValue: 12)),
    ])
    #expect(page.setMemoryMap(map) == 0)
    #expect(page.bytes[0x1e8] == 4)
    // {u64 addr, u64 size, u32 type}, packed
    let third = 0x2d0 + 2 * 20
    #expect(page.bytes.integer(at: third) == 0x10_0000)
    #expect(page.bytes.integer(at: third + 8) == 0x1_2345_6000)
    #expect(page.bytes.integer(at: third + 16, size: 4) == 1)
    #expect(page.bytes.integer(at: third + 36, size: 4) == 12)
    #expect(page.bytes[(0x2d0 + 80)...].allSatisfy { $0 == 0 })
    #expect(SetupData.memoryMapExtension(for: map) == nil)
    // A shorter map leaves nothing of a longer one behind.
    #expect(page.setMemoryMap(MemoryMap(normalising: [])) == 0)
    #expect(page.bytes[0x1e8] == 0 && page.bytes[0x2d0...].allSatisfy { $0 == 0 })
  }

  @Test func memoryMapThatIsTooLong() throws {
    var page = ZeroPage(setupHeader: nil)
    #expect(page.setMemoryMap(memoryMap(entries: 128)) == 0)
    #expect(SetupData.memoryMapExtension(for: memoryMap(entries: 128)) == nil)
    let map = memoryMap(entries: 131)
    #expect(page.setMemoryMap(map) == 3)
    #expect(page.bytes[0x1e8] == 128)
    // The 128th entry ends where the pad begins, and nothing lies there.
    #expect(page.bytes.integer(at: 0xcd0 - 20) == 127 << 12)
    #expect(page.bytes[0xcd0...].allSatisfy { $0 == 0 })
    let node = try #require(SetupData.memoryMapExtension(for: map, next: PhysicalAddress(0x7000)))
    #expect(node.count == 16 + 3 * 20)
    #expect(node.integer(at: 0) == 0x7000)
    // SETUP_E820_EXT
    #expect(node.integer(at: 8, size: 4) == 1)
    #expect(node.integer(at: 12, size: 4) == 60)
    #expect(node.integer(at: 16) == 128 << 12)
    #expect(node.integer(at: 16 + 40 + 8) == 4096)
    #expect(node.integer(at: 16 + 20 + 16, size: 4) == 2)
  }
}
