import Addresses
import BootProtocols
import Foundation
import Machines
import Placement
import TestSupport
import Testing

/// A kernel whose file lies where somebody put it, below the loader's own place: the cases in which image and file may
/// overlap.
struct PlacedKernel: CustomTestStringConvertible, Sendable {
  var kernel: String
  var place: UInt64

  var testDescription: String { "\(kernel) at 0x\(String(place, radix: 16))" }

  static let all: [PlacedKernel] =
    ["80200000", "80210000", "80320000", "80390000", "81000000"].flatMap { link in
      ["", "-n"].flatMap { pages in
        [0x39_0000, 0x32_0000, 0x2b_0000, 0x1a_0000].map { PlacedKernel(kernel: "kernel-\(link)\(pages)", place: $0) }
      }
    } + [0x39_0000, 0x1a_0000].map { PlacedKernel(kernel: "kernel-rwx", place: $0) }
}

@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct PlacedKernelTests {
  @Test(arguments: PlacedKernel.all)
  func theKernelRunsWhereverItsFileLies(placed: PlacedKernel) throws {
    let kernel = BareBuild.path(placed.kernel)
    try #require(FileManager.default.fileExists(atPath: kernel), "\(kernel) is missing")
    let image = try BareBuild.bytes(kernel)
    let loader = try BareBuild.bytes(BareBuild.loader)
    let place = "0x" + String(placed.place, radix: 16)
    let start = BareStart(
      memory: .mebibytes(64), accelerator: .tcg,
      commandLine: "nokaslr module=\(place)+\(image.count),\(placed.kernel)", kernelSize: nil)
    let environment = try start.environment(loader: loader.span.bytes)
    let prediction = try BarePrediction(
      in: environment, loader: try BarePrediction.extent(ofLoader: loader.span.bytes), image: image.span.bytes)

    let guest = try BareGuest(
      .path(BareBuild.loader), memory: start.memory,
      ["-append", start.commandLine, "-device", "loader,file=\(kernel),addr=\(place),force-raw=on"])
    defer { guest.machine.end() }
    try guest.run(to: try start.entry(ofLoader: loader.span.bytes))
    #expect(try guest.machine.bootEnvironment().informationRanges == environment.informationRanges)
    try guest.run(to: VirtualAddress(unchecked: prediction.plan.entry.address))
    try guest.check(prediction.plan, image: image)
    #expect(guest.remarks.contains { $0.hasPrefix("kernel's file [\(place), ") })
    if placed.kernel.hasSuffix("-rwx") {
      #expect(guest.planLines.contains { $0.hasPrefix("mapping") && $0.contains(" rwx ") })
    }
  }
}
