import AddressSpace
import Addresses
import BootProtocols
import Foundation
import Loaders
import Machines
import Placement
import TestSupport
import Testing

/// The loader as the first domain of Debian's Xen, PVH: Xen writes to the second serial port, the domain to the first.
struct XenBoot: CustomTestStringConvertible, Sendable {
  var kernel: String
  var words: String

  var testDescription: String { "\(kernel), \(words)" }

  static let all = [
    XenBoot(kernel: "kernel", words: "seed=61"), XenBoot(kernel: "kernel-80200000", words: "nokaslr -- words"),
  ]

  static let hypervisor = PackageRoot.url.appendingPathComponent(".cache/xen/xen.elf").path
  static let isPossible =
    BareBuild.isExpected
    && (ProcessInfo.processInfo.environment["CI"] != nil || FileManager.default.fileExists(atPath: hypervisor))
}

/// What Xen tells its first domain is its model's to say, but for the memory map: Xen prints that, and the loader has to
/// ask for it. The plan follows from the two.
@Suite(.enabled(if: XenBoot.isPossible, "scripts/build-bare or scripts/fetch-xen was not run"))
struct XenBootTests {
  @Test(arguments: XenBoot.all)
  func theFirstDomainIsAsPlanned(boot: XenBoot) throws {
    let image = try BareBuild.bytes(BareBuild.path(boot.kernel))
    let loader = try BareBuild.bytes(BareBuild.loader)
    let folder = try TemporaryFolder()
    try folder.write(image, to: "kernel")
    try folder.write(loader, to: "loader")
    try folder.shell(Self.machine, XenBoot.hypervisor, "loader \(boot.words),kernel")
    let domain = try Self.lines(folder.path("domain"))
    let xen = try Self.lines(folder.path("xen"))
    // 0x10 at isa-debug-exit.
    #expect(try Self.lines(folder.path("status")).first == "33", "\(xen.suffix(5))\n\(domain.suffix(40))")

    // The machine's own map comes before.
    let memoryMap = MemoryMap(
      normalising: xen.drop { $0 != "(XEN) Dom0 memory map:" }.compactMap(Self.entry))
    try #require(memoryMap.entries.count > 4, "\(xen)")
    let memory = try DomainMemory(loader: loader, kernel: image, words: boot.words, memoryMap: memoryMap)
    let environment = try BootEnvironment(
      eax: 0, ebx: memory.startInfo, memory: memory, hypervisorMap: memory.hypervisorMap)
    let prediction = try BarePrediction(
      in: environment, loader: try BarePrediction.extent(ofLoader: loader.span.bytes), image: image.span.bytes)
    let first = try #require(domain.firstIndex { $0.contains("perch loader: at ") })
    let last = try #require(domain.firstIndex { $0.hasSuffix("; entering the kernel") })
    #expect(domain[first..<last].filter { !$0.contains("perch loader: ") } == prediction.plan.lines)
  }

  /// Nested paging and an IOMMU, both QEMU's own, are what Xen wants for PVH.
  private static let machine = """
    status=0
    timeout -k 1 50 qemu-system-x86_64 -accel tcg -M q35 -cpu EPYC,+svm,+npt -device amd-iommu -m 1024 -nodefaults \
      -display none -no-reboot -monitor none -serial file:domain -serial file:xen \
      -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$1" -initrd "$2" \
      -append "console=com2 com2=115200,8n1 dom0_mem=256M dom0=pvh,verbose loglvl=all" </dev/null >qemu 2>&1 || status=$?
    echo $status >status
    """

  private static func lines(_ path: String) throws -> [String] {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
      .split(whereSeparator: \.isNewline).map(String.init)
  }

  /// A line of "Dom0 memory map:", with the last byte's address.
  private static func entry(_ line: String) -> MemoryMap.Entry? {
    guard let words = line.wholeMatch(of: /\(XEN\)  \[([0-9a-f]{16}), ([0-9a-f]{16})\] \((.*)\)/),
      let kind = kinds[String(words.3)], let low = UInt64(words.1, radix: 16), let high = UInt64(words.2, radix: 16),
      let range = PhysicalRange(start: PhysicalAddress(unchecked: low), count: ByteCount(high - low + 1))
    else { return nil }
    return MemoryMap.Entry(range: range, kind: kind)
  }

  /// Xen's words for e820's numbers (xen/arch/x86/e820.c, print_e820_memory_map).
  private static let kinds: [String: MemoryKind] = [
    "usable": .usable, "reserved": .reserved, "ACPI data": .acpiReclaimable, "ACPI NVS": .acpiNonVolatile,
    "unusable": .unusable,
  ]
}

/// The first domain's memory at the loader's first instruction, by the model of Xen, and Xen's answer beyond its end.
struct DomainMemory: BootMemory {
  let startInfo: UInt32
  let hypervisorMap: HypervisorMemoryMap
  private var ranges: [(start: UInt64, bytes: [UInt8])] = []

  struct NotLoaded: Error { var outcome: String }

  init(loader: [UInt8], kernel: [UInt8], words: String, memoryMap: MemoryMap) throws {
    let request = LoaderRequest(
      machine: memoryMap, commandLine: words, modules: [.init(name: "kernel", size: ByteCount(UInt64(kernel.count)))])
    let outcome = LoaderName.xenPVH.model(loader.span.bytes, request)
    guard case .loads(let plan) = outcome,
      case .exactly(let start) = plan.entry.registers.first(where: { $0.name == "ebx" })?.value
    else { throw NotLoaded(outcome: "\(outcome)") }
    startInfo = UInt32(start)
    let answer: UInt64 = 0xffff_0000_0000
    hypervisorMap = HypervisorMemoryMap(
      start: PhysicalAddress(unchecked: answer), count: UInt64(memoryMap.entries.count))
    for piece in plan.pieces {
      guard case .blob(let index) = piece.source else { continue }
      let zeros = [UInt8](repeating: 0, count: Int(piece.zeroFill.value))
      ranges.append((piece.destination.start.value, plan.blobs[index].bytes + zeros))
    }
    ranges.append((answer, memoryMap.entries.flatMap(Self.bytes)))
    // rsdp_paddr, which no line of the plan shows, is the machine's ACPI's.
    ranges.append((start + 32, [UInt8](repeating: 0, count: 8)))
  }

  /// struct e820entry, packed.
  private static func bytes(_ entry: MemoryMap.Entry) -> [UInt8] {
    bytes(entry.range.start.value, 8) + bytes(entry.range.count.value, 8) + bytes(UInt64(entry.kind.rawValue), 4)
  }

  private static func bytes(_ value: UInt64, _ count: UInt64) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  func loadByte(at address: PhysicalAddress) -> UInt8? {
    for range in ranges where range.start <= address.value && address.value - range.start < range.bytes.count {
      return range.bytes[Int(address.value - range.start)]
    }
    return nil
  }
}
