import Foundation
import TestSupport

/// Debian's Xen with a PVH first domain of 256 MiB: a processor with nested paging and an IOMMU, both by QEMU's translator.
final class XenPVHRun {
  /// What was seen of an image.
  struct Sight: Sendable {
    /// Xen's lines about the image.
    var lines: [String]
    /// Whether the domain was built.
    var isBuilt: Bool
    /// What the probe printed.
    var probe: [UInt8]
    /// The usable ranges of "Dom0 memory map", last bytes included.
    var memory: [ClosedRange<UInt64>]
  }

  static let hypervisor = PackageRoot.url.appendingPathComponent(".cache/xen/xen.elf").path
  /// Where CI is set the tests run, so that a missing hypervisor is a failure.
  static var isExpected: Bool {
    ProcessInfo.processInfo.environment["CI"] != nil || FileManager.default.fileExists(atPath: hypervisor)
  }

  private let folder: TemporaryFolder
  private let process = Process()
  private let monitor = InputPipe()
  private let probes: Bool

  /// Starts a machine.
  ///
  /// - Parameter probes: whether the kernel's probe will end it.
  init(kernel: [UInt8], _ image: XenPVHImage, initrd: [UInt8]?, probes: Bool) throws {
    self.probes = probes
    folder = try TemporaryFolder()
    try folder.write(kernel, to: "kernel")
    var modules = image.commandLine.isEmpty ? "kernel" : "kernel " + image.commandLine
    if let initrd {
      try folder.write(initrd, to: "initrd")
      modules += image.initrdArguments.isEmpty ? ",initrd" : ",initrd " + image.initrdArguments
    }
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.currentDirectoryURL = folder.url
    process.arguments = [
      "-s", "KILL", "90", "qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "EPYC,+svm,+npt", "-device",
      "amd-iommu", "-m", "1024", "-display", "none", "-nodefaults", "-no-reboot", "-monitor", "stdio", "-serial",
      "file:console", "-chardev", "file,id=probe,path=probe", "-device",
      "isa-debugcon,iobase=\(XenPVHProbe.port),chardev=probe", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
      "-kernel", Self.hypervisor, "-append",
      "console=com1 com1=115200,8n1 dom0_mem=256M loglvl=all guest_loglvl=all dom0=pvh,verbose", "-initrd", modules,
    ]
    process.standardInput = monitor.pipe
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  /// Waits for the verdict and ends the machine.
  func finish() -> Sight {
    // Without a probe the last line before the kernel runs is the sign.
    let signs = ["Reboot in five", "Hardware Dom0", "domain_crash"] + (probes ? [] : [" init memory"])
    var console = ""
    repeat {
      Thread.sleep(forTimeInterval: 0.05)
      console = (try? String(contentsOfFile: folder.path("console"), encoding: .isoLatin1)) ?? ""
    } while process.isRunning && !signs.contains { console.contains($0) }
    // Not a signal: test runners may have blocked it for their children.
    monitor.write("quit\n")
    process.waitUntilExit()
    console = (try? String(contentsOfFile: folder.path("console"), encoding: .isoLatin1)) ?? ""
    let probe = (try? Data(contentsOf: URL(fileURLWithPath: folder.path("probe")))) ?? Data()
    return Self.read(console, probe: Array(probe))
  }

  private static func read(_ console: String, probe: [UInt8]) -> Sight {
    let all = console.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("(XEN) ") }.map {
      String($0.dropFirst(6))
    }
    var sight = Sight(lines: ["Xen did not start"], isBuilt: false, probe: probe, memory: [])
    guard let start = all.firstIndex(where: { $0.hasPrefix("*** Building a PVH Dom") }) else { return sight }
    sight.lines = []
    for line in all[(start + 1)...] {
      if line.hasPrefix("*****") || line.hasPrefix("WARNING: PVH") { break }
      if line.hasPrefix("Dom0 memory map:") { sight.isBuilt = true }
      if sight.isBuilt, let range = line.firstMatch(of: /^ \[([0-9a-f]+), ([0-9a-f]+)\] \(usable\)/),
        let low = UInt64(range.1, radix: 16), let high = UInt64(range.2, radix: 16), low <= high
      {
        sight.memory.append(low...high)
      }
      let noise = ["Dom0 memory allocation stats", "order "]
      if !sight.isBuilt, !line.isEmpty, !noise.contains(where: { line.hasPrefix($0) }) { sight.lines.append(line) }
    }
    return sight
  }
}
