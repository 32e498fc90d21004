import AddressSpace
import Addresses
import BootProtocols
import Foundation
import Loaders
import Machines
import Placement
import TestSupport
import Testing

/// A machine that GRUB starts from a CD.
struct GRUBBoot: CustomTestStringConvertible, Sendable {
  var kernel: String
  var mebibytes: UInt64
  var words: String
  var modules = 0

  var testDescription: String { "\(kernel), \(mebibytes) MiB, \(words), \(modules) modules" }

  static let all = [
    GRUBBoot(kernel: "kernel", mebibytes: 64, words: "nokaslr"),
    GRUBBoot(kernel: "kernel-relr", mebibytes: 512, words: "seed=21", modules: 1),
    GRUBBoot(kernel: "kernel-81000000", mebibytes: 3584, words: "seed=22 smep smap", modules: 2),
    GRUBBoot(kernel: "kernel-80200000", mebibytes: 128, words: "seed=23 la57"),
    GRUBBoot(kernel: "kernel-80320000-n", mebibytes: 128, words: "nokaslr"),
    GRUBBoot(kernel: "kernel-rwx", mebibytes: 256, words: "nokaslr"),
  ]

  /// Whether CDs can be made: xorriso, and GRUB from Debian's archive.
  static let isPossible =
    BareBuild.isExpected
    && (ProcessInfo.processInfo.environment["CI"] != nil
      || ["/usr/bin/xorriso", PackageRoot.url.appendingPathComponent(".cache/grub-iso/eltorito.img").path]
        .allSatisfy { FileManager.default.fileExists(atPath: $0) })
}

/// The same under GRUB's Multiboot 2. Where GRUB puts the loader is its model's to say; where it puts the rest, its
/// boot information's, which the host reads out of the machine at the loader's first instruction.
@Suite(.enabled(if: GRUBBoot.isPossible, "scripts/build-bare or scripts/make-grub-iso --prepare was not run"))
struct GRUBBootTests {
  @Test(arguments: GRUBBoot.all)
  func theMachineIsAsPlanned(boot: GRUBBoot) throws {
    let kernel = BareBuild.path(boot.kernel)
    try #require(FileManager.default.fileExists(atPath: kernel), "\(kernel) is missing")
    let image = try BareBuild.bytes(kernel)
    let loader = try BareBuild.bytes(BareBuild.loader)
    let folder = try TemporaryFolder()
    let modules = try Modules((0..<boot.modules).map { 3000 + 5000 * $0 }, in: folder)
    let cd = folder.path("boot.iso")
    try folder.shell(
      #""$1/scripts/make-grub-iso" "$2" "$3" "$4" "$5" $(ls -d "$PWD"/module* 2>/dev/null || true)"#,
      PackageRoot.url.path, cd, boot.words, BareBuild.loader, kernel)

    let guest = try BareGuest(.none, memory: .mebibytes(boot.mebibytes), ["-cdrom", cd, "-boot", "d"])
    defer { guest.machine.end() }
    let entry = try entry(of: loader, mebibytes: boot.mebibytes)
    // GRUB's own code runs in the same memory before.
    try guest.run(to: entry) {
      try guest.machine.registers().general.rax & 0xffff_ffff == UInt64(Multiboot2Information.magic)
    }
    let environment = try guest.machine.bootEnvironment()
    #expect(environment.memoryMap == (try QEMUMemoryMap.pc(.mebibytes(boot.mebibytes), accelerator: .tcg)))
    #expect(environment.bootLoaderName.hasPrefix("GRUB 2."))
    #expect(environment.modules.map(\.string).first == boot.kernel + ".elf")
    #expect(environment.commandLine == boot.words)

    let linked = try BarePrediction.extent(ofLoader: loader.span.bytes)
    // The entry is as far from the image's start as where it was linked: 0x80, by the linker script.
    let place = PhysicalRange(
      uncheckedStart: PhysicalAddress(unchecked: entry.value - 0x80), count: linked.count)
    let prediction = try BarePrediction(in: environment, loader: place, image: image.span.bytes)
    try guest.run(to: VirtualAddress(unchecked: prediction.plan.entry.address))
    try guest.check(prediction.plan, image: image, modules: modules.files)
    // What the loader says of its own place and of the files' is what the host took.
    let name = try #require(guest.remarks.first)
    #expect(name.hasPrefix("at \(Self.text(place)), started by GRUB 2."))
    let files = guest.remarks.filter { $0.hasPrefix("kernel's file ") || $0.hasPrefix("module ") }
    #expect(files.first == "kernel's file \(Self.text(environment.modules[0].physical))")
    #expect(
      files.dropFirst().map { $0 }
        == environment.modules.dropFirst().map { "module \(Self.text($0.physical)) \($0.string)" })
  }

  /// Where GRUB enters the loader, by its model.
  private func entry(of loader: [UInt8], mebibytes: UInt64) throws -> VirtualAddress {
    let request = LoaderRequest(machine: try QEMUMemoryMap.pc(.mebibytes(mebibytes), accelerator: .tcg))
    guard case .loads(let plan) = LoaderName.grubMultiboot2.model(loader.span.bytes, request) else {
      throw NotLoaded(outcome: "\(LoaderName.grubMultiboot2.model(loader.span.bytes, request))")
    }
    return VirtualAddress(unchecked: plan.entry.address)
  }

  struct NotLoaded: Error { var outcome: String }

  private static func text(_ range: PhysicalRange) -> String {
    "[0x\(String(range.start.value, radix: 16)), 0x\(String(range.endValue, radix: 16)))"
  }
}
