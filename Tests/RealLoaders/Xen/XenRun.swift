import Foundation
import TestSupport

/// Debian's Xen, started by QEMU with an image for the first domain's kernel.
final class XenRun {
  static let hypervisor = PackageRoot.url.appendingPathComponent(".cache/xen/xen.elf")

  /// Where CI is set the tests always run, so that a missing hypervisor is a failure.
  static var isExpected: Bool {
    ProcessInfo.processInfo.environment["CI"] != nil || FileManager.default.fileExists(atPath: hypervisor.path)
  }

  private let folder: TemporaryFolder
  private let process = Process()
  private let monitor = Pipe()

  /// Starts a machine of 1 GiB whose first domain gets 256 MiB.
  init(_ image: [UInt8], initrd: UInt64?) throws {
    folder = try TemporaryFolder()
    var modules = try folder.write(image, to: "kernel")
    if let initrd { modules += "," + (try folder.write([UInt8](repeating: 0x55, count: Int(initrd)), to: "initrd")) }
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = [
      "-s", "KILL", "60", "qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-m", "1024", "-display", "none",
      "-nodefaults", "-no-reboot", "-monitor", "stdio", "-serial", "file:" + folder.path("console"), "-kernel",
      Self.hypervisor.path, "-append",
      "console=com1 com1=115200,8n1 dom0_mem=256M loglvl=all guest_loglvl=all dom0=pv,verbose", "-initrd", modules,
    ]
    process.standardInput = monitor
    process.standardOutput = FileHandle.nullDevice
    try process.run()
  }

  /// Xen's lines about the image, as `XenVerdict.lines` has them, and how many pages it left to be allocated.
  func finish() -> (lines: [String], pages: UInt64?) {
    var console = ""
    repeat {
      Thread.sleep(forTimeInterval: 0.05)
      console = (try? String(contentsOfFile: folder.path("console"), encoding: .isoLatin1)) ?? ""
    } while process.isRunning && !console.contains("Scrubbing Free RAM") && !console.contains("Reboot in five")
    // Not a signal: test runners may have blocked it for their children.
    try? monitor.fileHandleForWriting.write(contentsOf: Data("quit\n".utf8))
    process.waitUntilExit()
    return Self.read(console)
  }

  private static func read(_ console: String) -> (lines: [String], pages: UInt64?) {
    let all = console.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("(XEN) ") }.map {
      String($0.dropFirst(6))
    }
    guard let start = all.firstIndex(of: "*** Building a PV Dom0 ***") else { return (["Xen did not start"], nil) }
    var lines: [String] = []
    var pages: UInt64?
    var isPhysical = false
    for line in all[(start + 1)...] {
      if line.hasPrefix("Initial low memory") || line.hasPrefix("Reboot in five") { break }
      if line.hasPrefix("PHYSICAL") { isPhysical = true }
      if line.hasPrefix("VIRTUAL") { isPhysical = false }
      if let range = line.range(of: " pages to be") {
        pages = UInt64(line[..<range.lowerBound].drop { $0 != "(" }.dropFirst())
      }
      // Machine addresses and what is not about the image.
      let noise = ["VIRTUAL", " Xen  kernel", "Dom0 has maximum", "***", "Panic on CPU", "Could not construct"]
      if !isPhysical, !line.isEmpty, !noise.contains(where: { line.hasPrefix($0) }) { lines.append(line) }
    }
    return (lines, pages)
  }
}
