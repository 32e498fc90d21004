import Addresses
import Testing

@Suite struct AddressTests {
  @Test func constructorsKeepTheGuarantee() throws {
    #expect(PhysicalAddress(truncating: .max).value == (1 << 56) - 1)
    #expect(try PhysicalAddress(checking: 0x1000).value == 0x1000)
    let error = #expect(throws: InvalidAddress.self) { try PhysicalAddress(checking: 1 << 56) }
    #expect(error?.value == 1 << 56)
    #expect(error?.greatest == (1 << 56) - 1)
    #expect(PhysicalAddress((1 << 56) - 1).adding(ByteCount(1)) == nil)
    #expect(VirtualAddress(.max).alignedUp(to: .page4KiB) == nil)
    #expect(VirtualAddress(0x1001).alignedUp(to: .page4KiB) == VirtualAddress(0x2000))
    #expect(VirtualAddress(0x1001).alignedDown(to: .page4KiB) == VirtualAddress(0x1000))
  }

  /// A size is one by its shift, and its name by arithmetic.
  @Test func pageSizes() {
    let sizes: [(PageSize, UInt64)] = [
      (.size4KiB, 4 << 10), (.size16KiB, 16 << 10), (.size64KiB, 64 << 10), (.size2MiB, 2 << 20), (.size4MiB, 4 << 20),
      (.size32MiB, 32 << 20), (.size512MiB, 512 << 20), (.size1GiB, 1 << 30), (.size64GiB, 64 << 30),
      (.size512GiB, 512 << 30), (.size4TiB, 4 << 40), (.size256TiB, 256 << 40),
    ]
    for (size, bytes) in sizes { #expect(size.byteCount == ByteCount(bytes)) }
    #expect(sizes.map(\.0) == sizes.map(\.0).sorted())
    #expect(sizes.allSatisfy { $0.0 < .largest })
    #expect(PageSize(rawValue: 64) == nil)
    #expect(PageSize(rawValue: 12) == .size4KiB)
  }

  /// Intel SDM vol. 1, 3.3.7.1: all bits above the most significant implemented one repeat it.
  @Test(
    arguments: [
      (0x0000_7fff_ffff_ffff, 48, true), (0x0000_8000_0000_0000, 48, false), (0xffff_7fff_ffff_ffff, 48, false),
      (0xffff_8000_0000_0000, 48, true), (0x00ff_ffff_ffff_ffff, 57, true), (0x0100_0000_0000_0000, 57, false),
      (0xff00_0000_0000_0000, 57, true), (0xfeff_ffff_ffff_ffff, 57, false),
    ] as [(UInt64, Int, Bool)])
  func canonicalForm(value: UInt64, bits: Int, expected: Bool) {
    #expect(VirtualAddress(value).isCanonical(bits: bits) == expected)
  }

  @Test func rangesMayEndAtTheTop() throws {
    let top = try #require(VirtualRange(start: VirtualAddress(0xffff_ffff_ffff_f000), count: ByteCount(0x1000)))
    #expect(top.last == VirtualAddress(.max))
    #expect(top.contains(VirtualAddress(.max)))
    #expect(VirtualRange(start: VirtualAddress(0xffff_ffff_ffff_f000), count: ByteCount(0x1001)) == nil)
    let below = try #require(VirtualRange(start: VirtualAddress(0xffff_ffff_ffff_0000), count: ByteCount(0xf000)))
    #expect(!below.overlaps(top))
    #expect(below.contains(try #require(VirtualRange(start: VirtualAddress(0xffff_ffff_ffff_0000), count: .zero))))
    #expect(below.alignedOut(to: .page2MiB)?.last == VirtualAddress(.max))
  }

  @Test func slidesWrapModulo64Bits() {
    let slide = Slide(from: LinkAddress(0x1000), to: VirtualAddress(0xffff_ffff_8100_1000))
    #expect(slide.apply(to: LinkAddress(0x2000)) == VirtualAddress(0xffff_ffff_8100_2000))
    #expect(Slide(-0x1000).apply(to: LinkAddress(0x800)) == VirtualAddress(0xffff_ffff_ffff_f800))
  }
}
