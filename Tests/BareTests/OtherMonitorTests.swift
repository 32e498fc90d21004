import AddressSpace
import Addresses
import BootProtocols
import Foundation
import Loaders
import Machines
import Placement
import TestSupport
import Testing

/// The loader where monitors that want KVM put things: Firecracker and Cloud Hypervisor, by their models. QEMU brings
/// the machine to the loader's first instruction; then their start information takes the place of QEMU's.
@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct OtherMonitorTests {
  @Test(arguments: [LoaderName.firecracker, .cloudHypervisor], ["nokaslr", "seed=71 -- words"])
  func theLoaderFindsWhatIsElsewhere(monitor: LoaderName, words: String) throws {
    let kernel = BareBuild.path("kernel")
    let image = try BareBuild.bytes(kernel)
    let loader = try BareBuild.bytes(BareBuild.loader)
    let layout = try MonitorLayout(monitor, loader: loader, kernel: image, words: words)
    let prediction = try BarePrediction(
      in: try BootEnvironment(eax: 0, ebx: layout.startInfo, memory: layout),
      loader: try BarePrediction.extent(ofLoader: loader.span.bytes), image: image.span.bytes)

    let guest = try BareGuest(.path(BareBuild.loader), memory: .mebibytes(128), [])
    defer { guest.machine.end() }
    try guest.run(to: VirtualAddress(unchecked: layout.entry))
    let memory = try #require(guest.machine.memory)
    for range in layout.ranges { #expect(memory.store(range.bytes, at: PhysicalAddress(unchecked: range.start))) }
    try guest.machine.setRegister(named: "rbx", to: UInt64(layout.startInfo))
    try guest.run(to: VirtualAddress(unchecked: prediction.plan.entry.address))
    try guest.check(prediction.plan, image: image)
    let place = layout.kernelPlace
    #expect(
      guest.remarks.contains(
        "kernel's file [0x\(String(place, radix: 16)), 0x\(String(place + UInt64(image.count), radix: 16)))"))
  }
}

/// Start information (Xen, public/arch-x86/hvm/start_info.h) where a monitor's layout has it.
struct MonitorLayout: BootMemory {
  let entry: UInt64
  let startInfo: UInt32
  let kernelPlace: UInt64
  private(set) var ranges: [(start: UInt64, bytes: [UInt8])] = []

  struct NotLoaded: Error { var outcome: String }

  /// - Parameter monitor: its model says where the kernel's file, the words and the structure go.
  init(_ monitor: LoaderName, loader: [UInt8], kernel: [UInt8], words: String) throws {
    let usable: [(UInt64, UInt64)] = [(0, 0x9_fc00), (0x10_0000, 0x7f0_0000)]
    let request = LoaderRequest(
      machine: MemoryMap(
        normalising: usable.map {
          .init(range: PhysicalRange(uncheckedStart: PhysicalAddress($0.0), count: ByteCount($0.1)), kind: .usable)
        }), commandLine: words, modules: [.init(name: "kernel", size: ByteCount(UInt64(kernel.count)))])
    let outcome = monitor.model(loader.span.bytes, request)
    guard case .loads(let plan) = outcome,
      case .exactly(let start) = plan.entry.registers.first(where: { $0.name == "ebx" })?.value,
      let file = plan.pieces.first(where: { $0.source == .module(0) })?.destination.start.value,
      let line = plan.pieces.first(where: { $0.owner == "command line" })?.destination.start.value
    else { throw NotLoaded(outcome: "\(outcome)") }
    entry = plan.entry.address
    startInfo = UInt32(start)
    kernelPlace = file
    // The list of modules follows the structure's 56 bytes at the next 64, the memory map lies on the next page.
    let (list, map) = (start + 0x40, start + 0x1000)
    let structure =
      Self.longs(0x1_336e_c578, 1 << 32, list, line, 0xe_0000, map) + Self.longs(UInt64(usable.count))
    ranges = [
      (start, structure), (list, Self.longs(file, UInt64(kernel.count), 0, 0)),
      (map, usable.flatMap { Self.longs($0.0, $0.1, 1) }), (line, Array(words.utf8) + [0]), (file, kernel),
    ]
  }

  private static func longs(_ values: UInt64...) -> [UInt8] {
    values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
  }

  func loadByte(at address: PhysicalAddress) -> UInt8? {
    for range in ranges where range.start <= address.value && address.value - range.start < range.bytes.count {
      return range.bytes[Int(address.value - range.start)]
    }
    return nil
  }
}
