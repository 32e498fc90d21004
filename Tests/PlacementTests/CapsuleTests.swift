import AddressSpace
import Addresses
import Foundation
import KernelImage
import Placement
import TestSupport
import Testing

/// A capsule, as readelf and as a loader sees it.
@Suite struct CapsuleTests {
  private static let memorySize = 8 << 20

  private static let linux: LinuxKernel = {
    var kernel = LinuxKernel(span: 0x9000)
    kernel.table = [0, 0x8100_0008, 0, 0, 0x8100_0103]
    return kernel
  }()
  private static let independent = ELFKernel(
    ELFBuilder(type: .shared, entry: 0x40)
      .segment(flags: [.read, .execute], virtual: 0, bytes: .pattern(0x1800))
      .segment(virtual: 0x3800, bytes: .pattern(0x900), memorySize: 0x2_3456)
  ).rela(0x3900, 8, 0x1234)

  private struct Case {
    let plan: LoadPlan
    let image: [UInt8]
    let modules: Modules

    /// The capsule's bytes.
    func capsule() throws -> (capsule: Capsule, bytes: [UInt8]) {
      let capsule = try Capsule(plan)
      var bytes = [UInt8](repeating: 0, count: Int(capsule.size.value))
      try bytes.withMutableRawSpan { (file) throws(PlanError) in
        try image.withRawSpan { (image) throws(PlanError) in
          try capsule.write(plan, into: &file, image: image, modules: modules)
        }
      }
      return (capsule, bytes)
    }
  }

  private static func cases() throws -> [Case] {
    let modules = Modules(all: [.pattern(0x1234, seed: 7)])
    let request = PlanRequest(.computer(UInt64(memorySize))) {
      $0.modules = [.init(name: "initrd", size: ByteCount(0x1234))]
      $0.commandLine = "root=/dev/vda"
      $0.physical = .at(PhysicalAddress(0x20_0000))
      $0.slide = 0x40_0000
    }
    return [
      Case(plan: try linux.plan(request), image: linux.bytes, modules: modules),
      Case(plan: try independent.plan(request), image: independent.bytes, modules: modules),
    ]
  }

  @Test(arguments: 0..<2) func readelfSeesThePlan(index: Int) throws {
    let test = try Self.cases()[index]
    let (capsule, bytes) = try test.capsule()
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(bytes).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let text = try readelf(["-lnW", file.path])
    let loads = text.filter { $0.hasPrefix("LOAD") }.map { line in
      line.split(separator: " ").dropFirst().prefix(5).map { UInt64($0.dropFirst(2), radix: 16) }
    }
    #expect(loads.count == capsule.chunks.count)
    // offset, virtual, physical, size in the file, size in memory
    for (load, chunk) in zip(loads, capsule.chunks) {
      let place = chunk.memory.start.value
      #expect(load == [chunk.file.start.value, place, place, chunk.file.count.value, chunk.memory.count.value])
    }
    for piece in test.plan.pieces where !piece.extent.isEmpty {
      #expect(capsule.chunks.contains { $0.memory.contains(piece.extent) }, "\(piece.owner)")
    }
    let stub = try test.plan.piece("entry stub").destination.start.value
    #expect(text.contains { $0.hasPrefix("NOTE") })
    // XEN_ELFNOTE_PHYS32_ENTRY is 18 = 0x12, its descriptor the entry as eight bytes.
    #expect(text.contains { $0.hasPrefix("Xen") && $0.contains("0x00000008") && $0.contains("0x00000012") })
    let descriptor = [UInt8](littleEndian: stub).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    #expect(text.contains { $0.hasSuffix("description data: " + descriptor.joined(separator: " ")) })
    #expect(text.contains { $0.hasPrefix("Entry point 0x" + String(stub, radix: 16)) })
    #expect(!text.contains { $0.lowercased().contains("warning") || $0.lowercased().contains("error") })
  }

  @Test(arguments: 0..<2, [0, 0xaa] as [UInt8]) func loadingItIsMaterialisingThePlan(index: Int, filler: UInt8) throws {
    let test = try Self.cases()[index]
    var direct = [UInt8](repeating: filler, count: Self.memorySize)
    try direct.withMutableRawSpan { (memory) throws(PlanError) in
      try test.image.withRawSpan { (image) throws(PlanError) in
        try test.plan.materialise(
          physical(0, count: UInt64(Self.memorySize)), into: &memory, image: image, modules: test.modules)
      }
    }
    var loaded = [UInt8](repeating: filler, count: Self.memorySize)
    load(try test.capsule().bytes, into: &loaded)
    for piece in test.plan.pieces {
      let extent = Int(piece.extent.start.value)..<Int(piece.extent.endValue)
      // Compared outside the macro, which would look for the smallest difference of large arrays.
      let isSame = direct[extent] == loaded[extent]
      #expect(isSame, "\(piece.owner)")
      let zeros = Int(piece.destination.endValue)..<Int(piece.extent.endValue)
      let isPatched = if case .image = piece.source { true } else { false }
      #expect(isPatched || direct[zeros].allSatisfy { $0 == 0 }, "\(piece.owner)")
    }
    let isSame = Data(direct) == Data(loaded)
    #expect(filler != 0 || isSame)
    let bss = try test.plan.piece("segment 1")
    #expect(bss.zeroFill > .zero)
    #expect(loaded[Int(bss.destination.endValue)..<Int(bss.extent.endValue)].allSatisfy { $0 == 0 })
  }

  /// What a boot loader does with PT_LOAD, from the gABI's offsets alone: copy p_filesz bytes to p_paddr, and zeros up
  /// to p_memsz.
  private func load(_ file: [UInt8], into memory: inout [UInt8]) {
    let table: UInt64 = file.word(at: 32)
    let entrySize = UInt64(file.word(UInt16.self, at: 54))
    for index in 0..<UInt64(file.word(UInt16.self, at: 56)) {
      let header = table + index * entrySize
      guard file.word(UInt32.self, at: header) == 1 else { continue }
      let words = [8, 24, 32, 40].map { Int(file.word(UInt64.self, at: header + $0)) }
      let (offset, place, fileSize, memorySize) = (words[0], words[1], words[2], words[3])
      memory.replaceSubrange(place..<place + fileSize, with: file[offset..<offset + fileSize])
      let zeros = [UInt8](repeating: 0, count: memorySize - fileSize)
      memory.replaceSubrange(place + fileSize..<place + memorySize, with: zeros)
    }
  }

  @Test func theNonRelocatedImageIsInTheCapsuleToo() throws {
    let (_, bytes) = try Self.cases()[0].capsule()
    var memory = [UInt8](repeating: 0, count: Self.memorySize)
    load(bytes, into: &memory)
    // Entry 0x81000008, linked at 0x81000000, placed at 2 MiB: a 64-bit word plus the slide of 4 MiB.
    let linked: UInt64 = Self.linux.text.word(at: 8)
    #expect(memory.word(UInt64.self, at: 0x20_0008) == linked &+ 0x40_0000)
    #expect(memory[0x20_0010] == Self.linux.text[0x10])
  }

  @Test func aPlanWithoutAStubHasNoCapsule() throws {
    var plan = try Self.cases()[0].plan
    plan.pieces.removeAll { $0.owner == "entry stub" }
    #expect(throws: PlanError.self) { try Capsule(plan) }
  }

  private func readelf(_ arguments: [String]) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["readelf"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self).split(separator: "\n").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }
}
