import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import Testing

/// The expected values were seen with Debian's GRUB 2.06 on QEMU's `pc` with 256 MiB.
@Suite struct GRUBTests {
  @Test func aKernelWithASectionAndAModule() throws {
    var image = GRUBImage.simple
    image.sections = [GRUBImage.Section(type: 3, size: 11)]
    image.modules = [5000]
    let prediction = try loaded(image)
    #expect(
      places(prediction) == [
        "segment 0": [0x20_0000, 0x1000], "section 1": [0x10_0000, 0xb], "module 0": [0x10_1000, 0x1388],
        "boot information": [0x1_0000, 0x7b4], "trampoline": [0x1000, 0xd0],
      ])
    #expect(prediction.entry.address == 0x20_0000)
    #expect(register("eax", prediction) == .exactly(0x2bad_b002))
    #expect(register("ebx", prediction) == .exactly(0x1_0000))
    #expect(register("esp", prediction) == .exactly(0x7ff00))
  }

  @Test func multiboot2PutsItsInformationAtTheLowestFreePlace() throws {
    var image = GRUBImage.simple
    image.version = 2
    image.sections = [GRUBImage.Section(type: 3, size: 11)]
    image.modules = [5000]
    let prediction = try loaded(image)
    #expect(places(prediction)["boot information"] == [0x10_0010, 0x53a])
    #expect(register("eax", prediction) == .exactly(0x36d7_6289))
    #expect(register("ebx", prediction) == .exactly(0x10_0010))
  }

  @Test func aKernelOverTheBootInformationPushesItUp() throws {
    let prediction = try loaded(kernel(physical: 0x7c00, memorySize: 0x20_0000))
    #expect(places(prediction)["boot information"]?.first == 0x20_7c00)
    let low = try loaded(kernel(physical: 0x1000, memorySize: 0x1000))
    #expect(places(low)["trampoline"]?.first == 0x2000)
  }

  @Test func memoryBeyondTheMachineIsNotRefused() throws {
    let prediction = try loaded(kernel(physical: 0x4000_0000, memorySize: 0x1000))
    #expect(prediction.remarks.map(\.kind) == [.outsideMemory])
  }

  @Test func relocatable() throws {
    var image = GRUBImage.simple64
    for (preference, place) in [(1, 0x100_0000), (2, 0xfe0_0000)] as [(UInt32, UInt64)] {
      image.tags = [[10, 24, 0x100_0000, 0x3fff_ffff, 0x20_0000, preference]]
      let prediction = try loaded(image)
      #expect(places(prediction)["segment 0"]?.first == place)
      #expect(prediction.entry.address == place)
    }
  }

  @Test func theAddressFieldsIgnoreTheELFHeader() throws {
    var image = GRUBImage.simple
    image.machine = 183
    image.flags = 0x1_0000
    image.headerWords = [0x30_0400, 0x30_0000, 0x30_0680, 0x30_2000, 0x30_0600]
    let prediction = try loaded(image)
    #expect(prediction.pieces.first?.source == .image(file(0, 0x680)))
    #expect(places(prediction)["image"] == [0x30_0000, 0x2000])
    #expect(prediction.entry.address == 0x30_0600)
  }

  @Test func theEntryIsTranslatedByTheFirstProgramHeaderOfAnyType() throws {
    var image = kernel(physical: 0x40_0000, memorySize: 0x1000)
    image.segments[0].virtual = 0xc000_0000
    image.entry = 0xc000_0010
    #expect(try loaded(image).entry.address == 0x40_0010)
    image.segments.insert(
      GRUBImage.Segment(type: 6, virtual: 0xc000_0000, physical: 0x70_0000, fileSize: 0, memorySize: 32), at: 0)
    #expect(try loaded(image).entry.address == 0x70_0010)
  }

  @Test func moreBytesInTheFileThanInMemoryCorruptTheHeap() {
    var image = GRUBImage.simple
    image.segments[0].memorySize = 32
    guard case .misbehaves(let misbehaviour) = image.outcome else {
      Issue.record("not recognised")
      return
    }
    #expect(misbehaviour.effect == "corrupts its heap")
  }
}

func kernel(physical: UInt64, memorySize: UInt64) -> GRUBImage {
  var image = GRUBImage.simple
  image.segments = [
    GRUBImage.Segment(virtual: physical, physical: physical, fileSize: 64, memorySize: memorySize)
  ]
  image.entry = physical
  return image
}

struct NotLoaded: Error { let outcome: LoaderOutcome }

func loaded(_ image: GRUBImage) throws -> LoadPlan {
  guard case .loads(let prediction) = image.outcome else { throw NotLoaded(outcome: image.outcome) }
  return prediction
}

/// Start and size, zeros included, by owner.
func places(_ prediction: LoadPlan) -> [String: [UInt64]] {
  Dictionary(
    prediction.pieces.map { ($0.owner, [$0.extent.start.value, $0.extent.count.value]) }, uniquingKeysWith: { $1 })
}

private func register(_ name: String, _ prediction: LoadPlan) -> EntryState.Register.Value? {
  prediction.entry.registers.first { $0.name == name }?.value
}

private func file(_ start: UInt64, _ count: UInt64) -> FileRange {
  FileRange(uncheckedStart: FileOffset(start), count: ByteCount(count))
}
