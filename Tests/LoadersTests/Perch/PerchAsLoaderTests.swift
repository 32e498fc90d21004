import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// Perch's own loader, asked as any other.
@Suite struct PerchAsLoaderTests {
  private func load(_ image: [UInt8], mebibytes: UInt64 = 2048) -> LoaderOutcome {
    let request = LoaderRequest(ramRanges: [0..<0x9_f000, 0x10_0000..<mebibytes << 20])
    return image.withRawSpan { LoaderName.perch.model($0, request) }
  }

  /// GRUB, too, puts a kernel with a Multiboot header where p_paddr says and enters the place of e_entry.
  @Test func itAgreesWithGRUBAboutPhysicalAddresses() throws {
    let image = OpenSolarisTwin.bits32.build()
    let own = try #require(load(image).loadedPrediction)
    let request = LoaderRequest(ramRanges: [0..<0x9_f000, 0x10_0000..<0x8000_0000])
    let other = try #require(image.withRawSpan { GRUB.multiboot($0, request) }.loadedPrediction)
    func places(_ plan: LoadPlan) -> [UInt64: UInt64] {
      var places: [UInt64: UInt64] = [:]
      for piece in plan.pieces {
        if case .image(let range) = piece.source { places[range.start.value] = piece.destination.start.value }
      }
      return places
    }
    #expect(places(own).values.sorted() == [0x4000_0000, 0x4040_0000, 0x4080_0000])
    #expect(places(own) == places(other))
    #expect(own.entry.address == other.entry.address)
    #expect(own.entry.mode == other.entry.mode)
    // The Multiboot header decides.
    #expect(own.remarks.isEmpty)
  }

  @Test func aPlanErrorIsARefusalWithPerchsRule() throws {
    let kernel = ELFBuilder(entry: 0x1000).segment(virtual: 0x20_0000, bytes: [1]).build()
    let refusal = try #require(load(kernel).statedRefusal)
    #expect(refusal.words.contains("e_entry (offset 0x18) 0x1000"))
    #expect(refusal.rule.source == "Perch")
    let cut = try #require(load(Array(kernel.prefix(70))).statedRefusal)
    #expect(cut.evidence.contains("at offset"))
    let arm = ELFBuilder(machine: .aarch64, entry: 0x20_0000).segment(virtual: 0x20_0000, bytes: [1]).build()
    #expect(load(arm).statedRefusal?.words.contains("e_machine (offset 0x12) is 183") == true)
  }

  /// The state that the stub establishes is what any other loader would only promise.
  @Test func theEntryIsTheStubsState() throws {
    let kernel = ELFBuilder(entry: 0x20_0000).segment(flags: [.read, .execute], virtual: 0x20_0000, bytes: [1]).build()
    let plan = try #require(load(kernel).loadedPrediction)
    let state = try #require(plan.longMode)
    #expect(plan.entry.mode == .long64)
    #expect(plan.entry.address == 0x20_0000)
    func value(_ name: String) -> EntryState.Register.Value? { plan.entry.registers.first { $0.name == name }?.value }
    #expect(value("rdi") == .exactly(state.registers.rdi))
    #expect(value("rax") == .exactly(0))
    #expect(value("cr3") == .exactly(state.cr3.value))
    // PE, ET, WP and PG (Intel SDM vol. 3A, 2.5).
    #expect(value("cr0") == .exactly(1 << 0 | 1 << 4 | 1 << 16 | 1 << 31))
    #expect(Set(plan.entry.registers.map(\.name)).count == plan.entry.registers.count)
  }

  /// Noise behind a magic number, cut anywhere, is refused or loaded, and never trapped on.
  @Test func noBytesCrashIt() throws {
    var generator = SeededGenerator(seed: 23)
    let whole = OpenSolarisTwin.bits32.build()
    for round in 0..<400 {
      var image = Array(whole.prefix(round % 4 == 0 ? Int.random(in: 4...0x400, using: &generator) : 0x2000))
      for _ in 0..<Int.random(in: 1...12, using: &generator) {
        let place = Int.random(in: 4..<0x100, using: &generator)
        if place < image.count { image[place] = UInt8.random(in: 0...255, using: &generator) }
      }
      if case .loads(let plan) = load(image) { #expect(plan.pieces.allSatisfy { $0.extent.endValue <= 0x8000_0000 }) }
    }
  }
}
