import Foundation
import Perch
import TestSupport
import Testing

/// The README's example, word for word, against the tool's own answer.
@Suite(.enabled(if: DebianKernel.areExpected, "scripts/fetch-kernel was not run"))
struct LibraryExampleTests {
  @Test func aMonitorPlacesAKernelInTenLines() throws {
    let folder = try TemporaryFolder()
    for part in ["vmlinux", "relocs"] {
      let run = try PerchTool.run(["extract", DebianKernel.cloud.path, "--part", part, "-o", folder.path(part)])
      #expect(run.status == 0, "\(run.errors)")
    }
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("vmlinux"))))
    bytes += [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("relocs"))))
    let size = ByteCount.mebibytes(256)
    let guest = PhysicalRange(uncheckedStart: PhysicalAddress(0), count: size)
    var memoryBytes = [UInt8](repeating: 0, count: Int(size.value))
    var mutable = memoryBytes.mutableSpan
    var memory = mutable.mutableBytes
    let plan = try place(
      bytes.span.bytes, in: &memory, guest: guest, map: MemoryMap(normalising: [.init(range: guest, kind: .usable)]),
      seed: 99)

    // A place that the table names holds what the file holds there, moved by the slide. The first segment's file bytes
    // start at 2 MiB, and its first byte is linked at 0xffffffff81000000.
    guard case .linuxTable(let table) = plan.relocations else { return #expect(Bool(false), "no relocations") }
    let word = Int(table.entries64.start.value)
    let entry = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: word, as: UInt32.self) }
    let distance = Int(entry &- 0x8100_0000)
    let linked = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 0x20_0000 + distance, as: UInt64.self) }
    let placed = memory.bytes.unsafeLoadUnaligned(
      fromByteOffset: Int(plan.imageExtent.start.value) + distance, as: UInt64.self)
    #expect(plan.slide.value > 0)
    #expect(placed == linked &+ UInt64(plan.slide.value))
  }

  private func place(
    _ image: RawSpan, in memory: inout MutableRawSpan, guest: PhysicalRange, map: MemoryMap, seed: UInt64
  ) throws -> LoadPlan {
    let elf = try ELFFile(parsing: image)
    let kernel = LinuxImage(
      elf: elf, relocations: try RelocationTable(parsing: image, of: elf),
      unpackedSize: ByteCount(UInt64(image.byteCount)))
    var request = PlanRequest(machine: map)
    request.commandLine = "console=ttyS0"
    request.seed = seed
    let plan = try PerchLoader.plan(linux: kernel, request: request)
    try plan.materialise(guest, into: &memory, image: image, modules: NoModules())
    return plan
  }
}
