import Addresses
import Testing

@testable import Machines

@Suite struct GuestMemoryTests {
  @Test func memoryAboveFourGiBFollowsTheLowPartInTheFile() throws {
    let memory = try GuestMemory(size: .gibibytes(4))
    let offset = { (address: UInt64) in memory.fileOffset(of: PhysicalAddress(address), count: 1) }
    #expect(offset(0) == 0)
    #expect(offset(0xbfff_ffff) == 0xbfff_ffff)
    #expect(offset(0xc000_0000) == nil)
    #expect(offset(0xffff_ffff) == nil)
    #expect(offset(0x1_0000_0000) == 0xc000_0000)
    // 4 GiB - 3 GiB lie above.
    #expect(offset(0x1_3fff_ffff) == 0xffff_ffff)
    #expect(offset(0x1_4000_0000) == nil)
    #expect(offset(PhysicalAddress.greatest) == nil)
  }

  @Test(arguments: [(.virtAArch64, 0x4000_0000), (.virtRISCV, 0x8000_0000)] as [(GuestMemory.Layout, UInt64)])
  func memoryOfVirtIsOnePiece(layout: GuestMemory.Layout, base: UInt64) throws {
    let memory = try GuestMemory(size: .gibibytes(4), layout: layout)
    #expect(layout.base.value == base)
    #expect(memory.fileOffset(of: PhysicalAddress(base - 1), count: 1) == nil)
    #expect(memory.fileOffset(of: PhysicalAddress(base), count: 1) == 0)
    #expect(memory.fileOffset(of: PhysicalAddress(0x1_0000_0000), count: 1) == Int(0x1_0000_0000 - base))
    #expect(memory.fileOffset(of: PhysicalAddress(base + 0xffff_ffff), count: 1) == 0xffff_ffff)
    #expect(memory.fileOffset(of: PhysicalAddress(base + 0xffff_ffff), count: 2) == nil)
    #expect(memory.fileOffset(of: PhysicalAddress(base + 0x1_0000_0000), count: 1) == nil)
  }

  @Test func aRangeAcrossTheHoleIsNoMemory() throws {
    let memory = try GuestMemory(size: .gibibytes(4))
    let touching = try #require(PhysicalRange(start: PhysicalAddress(0xbfff_f000), count: ByteCount(0x1000)))
    #expect(memory.withBytes(of: touching) { $0.byteCount } == 0x1000)
    let across = try #require(PhysicalRange(from: PhysicalAddress(0xbfff_f000), to: PhysicalAddress(0x1_0000_1000)))
    #expect(memory.withBytes(of: across) { $0.byteCount } == nil)
    #expect(memory.loadEntry(at: PhysicalAddress(0xbfff_fff8)) == 0)
    #expect(memory.loadEntry(at: PhysicalAddress(0xbfff_fffc)) == nil)
    #expect(memory.loadWord(at: PhysicalAddress(0xbfff_fffc)) == 0)
    #expect(memory.loadWord(at: PhysicalAddress(0xbfff_fffd)) == nil)
  }

  @Test func whatIsWrittenIsLittleEndian() throws {
    let memory = try GuestMemory(size: .mebibytes(2), layout: .virtAArch64)
    let start = PhysicalAddress(0x4000_0ffc)
    #expect(memory.storeEntry(0x8877_6655_4433_2211, at: start))
    #expect(memory.loadEntry(at: start) == 0x8877_6655_4433_2211)
    #expect(memory.loadWord(at: PhysicalAddress(0x4000_0ffd)) == 0x5544_3322)
    #expect(memory.store([0xaa, 0xbb], at: PhysicalAddress(0x4000_0fff)))
    #expect(memory.loadEntry(at: start) == 0x8877_66bb_aa33_2211)
  }

  @Test func nothingIsWrittenWhereNotAllOfItIsMemory() throws {
    let memory = try GuestMemory(size: .mebibytes(2), layout: .virtRISCV)
    #expect(!memory.storeEntry(1, at: PhysicalAddress(0x801f_fff9)))
    #expect(!memory.store([UInt8](repeating: 0xff, count: 8), at: PhysicalAddress(0x801f_fff9)))
    #expect(!memory.store([1], at: PhysicalAddress(0x7fff_ffff)))
    #expect(memory.loadEntry(at: PhysicalAddress(0x801f_fff8)) == 0)
  }
}
