import BootProtocols
import Loaders
import Placement
@testable import RealLoaders
import Testing

/// What was seen of the named images, number by number; that the machine does the same is for the judge to say.
@Suite struct GRUBRecordedTests {
  struct Missing: Error {}

  private func outcome(_ name: String) throws -> (image: GRUBImage, outcome: LoaderOutcome) {
    guard let found = GRUBImage.recorded.first(where: { $0.name == name }) else { throw Missing() }
    return (found.image, found.image.outcome)
  }

  private func landing(_ name: String) throws -> (chunks: [String], entry: UInt64, remarks: Set<Remark.Kind>) {
    let (image, outcome) = try outcome(name)
    guard case .loads(let prediction) = outcome else { throw Missing() }
    let own: Set = [0x1000, 0x1_0000] as Set<UInt64>
    let chunks = ExpectedLanding(prediction, of: image).chunks.filter { !own.contains($0.target) }
    return (chunks.map(\.description), prediction.entry.address, Set(prediction.remarks.map(\.kind)))
  }

  /// The chunks that GRUB printed with 2 GiB; the boot information of Multiboot is at 0x10000, the trampoline at
  /// 0x1000.
  @Test func openSolaris32() throws {
    let found = try landing("OpenSolaris, 32 bits")
    #expect(found.chunks == ["0x4000_0000+0x2a_a362", "0x4040_0000+0x9_4a44", "0x4080_0000+0xe95c"])
    #expect(found.entry == 0x4080_0000)
    #expect(found.remarks.isEmpty)
  }

  /// With 256 MiB the first segment beyond memory is kept where it was read; the last is larger than what GRUB's heap
  /// has between its own blocks.
  @Test func openSolaris32BeyondMemoryIsOutOfMemory() throws {
    guard case .refuses(let refusal) = try outcome("OpenSolaris, 32 bits, beyond memory").outcome else {
      throw Missing()
    }
    #expect(refusal.words == "out of memory")
  }

  /// The second header's p_vaddr is the virtual entry, its p_paddr 0x40000000.
  @Test func openSolaris64() throws {
    #expect(try landing("OpenSolaris, 64 bits").entry == 0x4080_0000)
    #expect(try landing("OpenSolaris, 64 bits, virtual entry").entry == 0x4000_0000)
  }

  @Test func theSplitKernelLoadsWithItsTrampolineNear() throws {
    let found = try landing("split kernel, load address near")
    #expect(found.chunks == ["0x10_1000+0x200", "0x10_2000+0x5000"])
    #expect(found.remarks.isEmpty)
    #expect(try landing("split kernel, load address far").remarks == [.outsideMemory])
  }

  /// 0x102000 to 0xfff00200 in one piece: more than there is below 4 GiB from GRUB's own memory on.
  @Test(arguments: ["split kernel, one segment to the top", "split kernel, address fields to the top"])
  func theSplitKernelInOnePieceIsTooLarge(name: String) throws {
    guard case .misbehaves(let misbehaviour) = try outcome(name).outcome else { throw Missing() }
    #expect(misbehaviour.effect == "corrupts its heap")
  }

  /// 0x102000 to 0xf0000000 in one piece: GRUB's own memory, near 128 MiB, lies more than that below 4 GiB.
  @Test func theSplitKernelThatEndsLowerIsOutOfMemory() throws {
    guard case .refuses(let refusal) = try outcome("split kernel, one segment to 0xf0000000").outcome else {
      throw Missing()
    }
    #expect(refusal.words == "out of memory")
  }

  @Test func theMovableSplitKernelFindsNoRoom() throws {
    let name = "split kernel with a relocatable tag, load address far"
    guard case .refuses(let refusal) = try outcome(name).outcome else { throw Missing() }
    #expect(refusal.words == "couldn't find suitable memory target")
  }
}
