import Addresses
import BootProtocols
import Foundation
import Machines
import Placement
import TestSupport
import Testing

/// One machine started by QEMU's `-kernel`.
struct PVHBoot: CustomTestStringConvertible, Sendable {
  var kernel = "kernel"
  var mebibytes: UInt64 = 128
  var words = "nokaslr"
  /// Sizes of the modules beside the kernel.
  var modules: [Int] = []

  var testDescription: String { "\(kernel), \(mebibytes) MiB, \(words), \(modules.count) modules" }

  /// Where the modules are put: above the loader, which ends below 32 MiB, and below the firmware's.
  static let modulePlace: UInt64 = 0x200_0000

  static let all: [PVHBoot] = [
    // Memory: the least, an odd size, the usual, beyond a GiB, a hole below 4 GiB, on both sides of it.
    PVHBoot(mebibytes: 64, words: "nokaslr"), PVHBoot(mebibytes: 127, words: "seed=1"),
    PVHBoot(mebibytes: 512, words: "seed=2 -- words for the kernel"), PVHBoot(mebibytes: 1024, words: "seed=0x3"),
    PVHBoot(mebibytes: 3584, words: "seed=4"), PVHBoot(mebibytes: 8192, words: "seed=5"),
    PVHBoot(mebibytes: 8192, words: "seed=18446744073709551615 no-huge-pages -- no-huge-pages"),
    // Where the kernel is linked.
    PVHBoot(kernel: "kernel-80200000", words: "nokaslr"), PVHBoot(kernel: "kernel-80200000", words: "seed=6"),
    PVHBoot(kernel: "kernel-80320000", words: "seed=7"), PVHBoot(kernel: "kernel-81000000", words: "seed=8"),
    PVHBoot(kernel: "kernel-81000000-n", words: "nokaslr"), PVHBoot(kernel: "kernel-rwx", words: "seed=9"),
    PVHBoot(kernel: "kernel-relr", words: "seed=10"), PVHBoot(kernel: "kernel-relr", words: "nokaslr"),
    // Files beside it.
    PVHBoot(mebibytes: 256, words: "seed=11", modules: [1]),
    PVHBoot(mebibytes: 256, words: "nokaslr", modules: [5000, 4096]),
    PVHBoot(kernel: "kernel-81000000", mebibytes: 512, words: "seed=12", modules: [100_000, 1, 65_536]),
    // What the processor turns on.
    PVHBoot(words: "seed=13 la57"), PVHBoot(kernel: "kernel-80200000", mebibytes: 1024, words: "nokaslr la57 pge"),
    PVHBoot(words: "seed=14 smep smap umip pge"),
    PVHBoot(mebibytes: 8192, words: "seed=15 la57 smep umip"),
    // Places by hand.
    PVHBoot(words: "nokaslr physical=0x3000000 slide=0x2000000"), PVHBoot(words: "seed=16 physical=any"),
    PVHBoot(words: "nokaslr direct-map=0xffffa00000000000"),
  ]
}

/// Both worlds agree: what the loader finds, says and leaves in memory under QEMU's PVH is what the same functions say
/// on the host, from nothing but the machine's size and the files.
@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct PVHBootTests {
  @Test(arguments: PVHBoot.all)
  func theMachineIsAsPredicted(boot: PVHBoot) throws {
    let kernel = BareBuild.path(boot.kernel)
    try #require(FileManager.default.fileExists(atPath: kernel), "\(kernel) is missing")
    let image = try BareBuild.bytes(kernel)
    let loader = try BareBuild.bytes(BareBuild.loader)
    let folder = try TemporaryFolder()
    let modules = try Modules(boot.modules, in: folder)
    let start = BareStart(
      memory: .mebibytes(boot.mebibytes), accelerator: .tcg, commandLine: modules.words + boot.words,
      kernelSize: ByteCount(UInt64(image.count)))
    let environment = try start.environment(loader: loader.span.bytes)
    let prediction = try BarePrediction(
      in: environment, loader: try BarePrediction.extent(ofLoader: loader.span.bytes), image: image.span.bytes)

    let guest = try BareGuest(
      .path(BareBuild.loader), memory: start.memory,
      ["-initrd", kernel, "-append", start.commandLine] + modules.arguments)
    defer { guest.machine.end() }
    try guest.run(to: try start.entry(ofLoader: loader.span.bytes))
    let found = try guest.machine.bootEnvironment()
    #expect(found.memoryMap == environment.memoryMap)
    #expect(found.modules == environment.modules)
    #expect(found.commandLine == environment.commandLine)
    #expect(found.informationRanges == environment.informationRanges)

    try guest.run(to: VirtualAddress(unchecked: prediction.plan.entry.address))
    try guest.check(prediction.plan, image: image, modules: modules.files)
    #expect(
      guest.remarks.first == "at \(text(of: try BarePrediction.extent(ofLoader: loader.span.bytes))), started by "
        + "a loader that does not say its name through PVH")
  }

  private func text(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
  private func text(of range: PhysicalRange) -> String { "[\(text(range.start.value)), \(text(range.endValue)))" }
}

/// Files that QEMU's generic loader puts one behind the other, each on a page.
struct Modules {
  var words = ""
  var arguments: [String] = []
  var files = FileModules(files: [])

  init(_ sizes: [Int], in folder: TemporaryFolder) throws {
    var place = PVHBoot.modulePlace
    for (index, size) in sizes.enumerated() {
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) }
      let path = try folder.write(bytes, to: "module\(index)")
      files.files.append(bytes)
      words += "module=\(place)+\(size),module-\(index) "
      arguments += ["-device", "loader,file=\(path),addr=\(place),force-raw=on"]
      place += UInt64(size + 4095) & ~4095
    }
  }
}
