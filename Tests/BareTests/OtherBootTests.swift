import Addresses
import BootProtocols
import Foundation
import Machines
import Placement
import TestSupport
import Testing

/// The kernel's other ways in, and the loader's own entropy.
@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct OtherBootTests {
  /// Without a seed the loader draws one and says from what; the plan follows from it.
  /// QEMU 7.2 translates no RDSEED.
  @Test(arguments: [("max", "RDRAND"), ("max,rdrand=off", "the time stamp counter")])
  func theLoaderSaysWhatItDrew(processor: String, source: String) throws {
    let kernel = BareBuild.path("kernel-80200000")
    let image = try BareBuild.bytes(kernel)
    let loader = try BareBuild.bytes(BareBuild.loader)
    let start = BareStart(
      memory: .mebibytes(512), accelerator: .tcg, commandLine: "", kernelSize: ByteCount(UInt64(image.count)))
    var seeds: Set<UInt64> = []
    for _ in 0..<2 {
      let guest = try BareGuest(
        .path(BareBuild.loader), memory: start.memory, ["-initrd", kernel, "-cpu", processor])
      defer { guest.machine.end() }
      try guest.run(to: try start.entry(ofLoader: loader.span.bytes))
      let environment = try guest.machine.bootEnvironment()
      // This kernel is not relocatable: its entry is where it was linked, whatever was drawn (e_entry, at offset 24).
      let entry = image[24..<32].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      try guest.run(to: VirtualAddress(unchecked: entry))
      let remark = try #require(guest.remarks.first { $0.hasPrefix("seed ") })
      let words = try #require(remark.wholeMatch(of: /seed 0x([0-9a-f]+) from (.*)/), "\(remark)")
      #expect(words.2 == source)
      let seed = try #require(UInt64(words.1, radix: 16))
      seeds.insert(seed)
      let prediction = try BarePrediction(
        in: environment, loader: try BarePrediction.extent(ofLoader: loader.span.bytes), image: image.span.bytes,
        drawnSeed: seed)
      try guest.check(prediction.plan, image: image)
    }
    #expect(seeds.count == 2)
  }

  /// A processor without what the words ask for: the loader says so and goes on.
  @Test func whatTheProcessorLacksIsSaidAndLeftOff() throws {
    let kernel = BareBuild.path("kernel-80200000")
    let image = try BareBuild.bytes(kernel)
    let loader = try BareBuild.bytes(BareBuild.loader)
    let start = BareStart(
      memory: .mebibytes(128), accelerator: .tcg, commandLine: "seed=31 la57 smep umip",
      kernelSize: ByteCount(UInt64(image.count)))
    let prediction = try BarePrediction(
      in: try start.environment(loader: loader.span.bytes),
      loader: try BarePrediction.extent(ofLoader: loader.span.bytes), image: image.span.bytes,
      processor: .init(features: [.smep], hasGigabytePages: false))
    let guest = try BareGuest(
      .path(BareBuild.loader), memory: start.memory,
      ["-initrd", kernel, "-append", start.commandLine, "-cpu", "max,la57=off,umip=off,pdpe1gb=off"])
    defer { guest.machine.end() }
    try guest.run(to: VirtualAddress(unchecked: prediction.plan.entry.address))
    try guest.check(prediction.plan, image: image)
    // LA57 is bit 12 and UMIP bit 11 of CR4 (Intel SDM vol. 3A, 2.5).
    #expect(guest.remarks.contains("this processor lacks what CR4 bits 0x1800 turn on"))
    #expect(guest.remarks.contains("this processor has no 1 GiB pages"))
  }

  /// Before the first 64-bit instruction, where a fault would be a reset.
  @Test(arguments: ["pentium3", "qemu64,-nx"]) func aProcessorWithoutLongModeIsRefused(processor: String) throws {
    let guest = try BareGuest(
      .path(BareBuild.loader), memory: .mebibytes(64),
      ["-initrd", BareBuild.path("kernel"), "-append", "nokaslr", "-cpu", processor])
    defer { guest.machine.end() }
    let outcome = try guest.machine.run()
    // 0x12 at isa-debug-exit.
    #expect(outcome == .guestExited(status: 37, reason: nil), "\(outcome)\n\(guest.text)")
    #expect(guest.text.contains("error: the processor has no 64-bit mode, or no pages without code (NX)"))
  }

  /// A defect of the loader's own is reported as well: its last routine, with another instruction.
  @Test(
    arguments: [
      ([0x0f, 0x0b], "exception: invalid opcode (#UD), vector 6", nil as String?),
      // movabsb 0x7ffffffff000, %al
      (
        [0xa0, 0x00, 0xf0, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x00], "exception: page fault (#PF), vector 14", "7ffffffff000"
      ),
      // Not canonical: general protection.
      ([0xa0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00], "exception: general protection (#GP), vector 13", nil),
      // A stack that is not there, and a push onto it: the fault has no stack either.
      ([0x31, 0xe4, 0x50], "exception: double fault (#DF), vector 8", nil),
    ] as [([UInt8], String, String?)])
  func aLoaderThatFaultsSaysSo(instruction: [UInt8], title: String, evidence: String?) throws {
    var loader = try BareBuild.bytes(BareBuild.loader)
    // enter_32_bit: movl %edi, %ebx; leaq 5(%rip), %rax; pushq $0x18; pushq %rax.
    let start: [UInt8] = [0x89, 0xfb, 0x48, 0x8d, 0x05, 0x05, 0x00, 0x00, 0x00, 0x6a, 0x18, 0x50]
    let places = loader.indices.dropLast(start.count).filter { loader[$0..<$0 + start.count].elementsEqual(start) }
    try #require(places.count == 1, "\(places)")
    loader.replaceSubrange(places[0]..<places[0] + instruction.count, with: instruction)
    let folder = try TemporaryFolder()
    let guest = try BareGuest(
      .path(try folder.write(loader, to: "loader.elf")), memory: .mebibytes(64),
      ["-initrd", BareBuild.path("kernel"), "-append", "nokaslr"])
    defer { guest.machine.end() }
    let outcome = try guest.machine.run()
    // 0x13 at isa-debug-exit.
    #expect(outcome == .guestExited(status: 39, reason: nil), "\(outcome)\n\(guest.text.suffix(2000))")
    #expect(guest.lines.contains { $0.hasPrefix(title) }, "\(guest.text.suffix(1000))")
    if let evidence { #expect(guest.lines.contains { $0.contains("cr2") && $0.contains(evidence) }) }
  }

  /// The command without a file.
  @Test(arguments: [
    ["--kaslr", "51"], ["--kaslr", "off", "--memory", "64M"], ["--kaslr", "52", "--five-level"],
    ["--kaslr", "53", "--module", "LICENSE", "--module", "Makefile", "--cmdline", "words", "--cpu", "smep,pge"],
  ])
  func bootWithoutAFile(options: [String]) throws {
    let run = try PerchTool.run(
      ["boot"] + options + ["--timeout", "20s"], environment: ["PERCH_BARE": BareBuild.folder])
    #expect(run.status == 0, "\(run.errors)\n\(run.output.suffix(2000))")
    #expect(run.errors.contains(" 0 differences"))
    #expect(run.output.contains("; entering the kernel"))
  }

  @Test func aBuildThatIsNotThereIsNamed() throws {
    let folder = try TemporaryFolder()
    let run = try PerchTool.run(["boot"], environment: ["PERCH_BARE": folder.url.path])
    #expect(run.status == 5)
    #expect(run.errors.contains("scripts/build-bare"))
    #expect(run.errors.contains(folder.url.path))
  }
}
