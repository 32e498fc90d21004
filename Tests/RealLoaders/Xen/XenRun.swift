import BootProtocols
import Foundation
import TestSupport

/// Debian's Xen, started by QEMU with an image for the first domain's kernel.
final class XenRun {
  static let hypervisor = PackageRoot.url.appendingPathComponent(".cache/xen/xen.elf")

  /// Where CI is set the tests always run, so that a missing hypervisor is a failure.
  static var isExpected: Bool {
    ProcessInfo.processInfo.environment["CI"] != nil || FileManager.default.fileExists(atPath: hypervisor.path)
  }

  let folder: TemporaryFolder
  private let process = Process()
  private let monitor = InputPipe()

  /// Starts a machine of 1 GiB whose first domain gets 256 MiB.
  init(_ image: [UInt8], initrd: [UInt8]?) throws {
    folder = try TemporaryFolder()
    var modules = try folder.write(image, to: "kernel")
    if let initrd { modules += "," + (try folder.write(initrd, to: "initrd")) }
    try folder.write([], to: "monitor")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = [
      "-s", "KILL", "120", "qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "1024",
      "-display", "none", "-nodefaults", "-no-reboot", "-monitor", "stdio", "-serial",
      "file:" + folder.path("console"), "-kernel", Self.hypervisor.path, "-append",
      "console=com1 com1=115200,8n1 dom0_mem=256M loglvl=all guest_loglvl=all dom0=pv,verbose", "-initrd", modules,
    ]
    process.standardInput = monitor.pipe
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path("monitor")))
    try process.run()
  }

  /// Xen's lines about the image, and how many pages it left to be allocated.
  func finish() -> XenConsole {
    let console = awaitBuilder()
    command("quit")
    process.waitUntilExit()
    return console
  }

  /// The same, and the stopped machine where the domain spins at its entry; the ranges are of machine addresses, each
  /// no larger than a file may be.
  ///
  /// - Parameter memory: from the console to the ranges that are wanted.
  func finish(spinningAt entry: UInt64, memory: (XenConsole) -> [Range<UInt64>]) -> (XenConsole, XenMachine?) {
    let console = awaitBuilder()
    guard !console.hasFailed, let registers = stop(at: entry) else {
      command("quit")
      process.waitUntilExit()
      return (console, nil)
    }
    let ranges = memory(console)
    for (index, range) in ranges.enumerated() {
      command("pmemsave \(range.lowerBound) \(range.count) \"\(folder.path("memory\(index)"))\"")
    }
    command("quit")
    process.waitUntilExit()
    let parts = ranges.enumerated().map { index, range in
      (range.lowerBound, (try? Data(contentsOf: URL(fileURLWithPath: folder.path("memory\(index)")))) ?? Data())
    }
    return (console, XenMachine(registers: registers, memory: parts))
  }

  /// Not a signal ends it: test runners may have blocked it for their children.
  private func command(_ text: String) { monitor.write(text + "\n") }

  private func awaitBuilder() -> XenConsole {
    var console = XenConsole("")
    repeat {
      Thread.sleep(forTimeInterval: 0.05)
      console = XenConsole((try? String(contentsOfFile: folder.path("console"), encoding: .isoLatin1)) ?? "")
    } while process.isRunning && !console.isComplete
    return console
  }

  /// Stops the machine with its processor at the domain's entry, in ring 3; what `info registers` says then. Nil where
  /// the domain never gets there.
  private func stop(at entry: UInt64) -> String? {
    let digits = String(entry, radix: 16)
    let wanted = "RIP=" + String(repeating: "0", count: 16 - digits.count) + digits
    for _ in 0..<200 where process.isRunning {
      command("stop")
      let registers = ask("info registers", until: "EFER=")
      if registers.contains(wanted), registers.contains("CPL=3") { return registers }
      command("cont")
      Thread.sleep(forTimeInterval: 0.1)
    }
    return nil
  }

  /// What the monitor prints behind a command, up to the line with a text.
  private func ask(_ text: String, until end: String) -> String {
    func output() -> String { (try? String(contentsOfFile: folder.path("monitor"), encoding: .isoLatin1)) ?? "" }
    let before = output().count
    command(text)
    while process.isRunning {
      let answer = String(output().dropFirst(before))
      if let found = answer.range(of: end), answer[found.upperBound...].contains("\n") { return answer }
      Thread.sleep(forTimeInterval: 0.02)
    }
    return ""
  }
}

/// The machine at the domain's first instruction.
struct XenMachine {
  private let registers: String
  private let memory: [(start: UInt64, bytes: Data)]

  init(registers: String, memory: [(UInt64, Data)]) {
    self.registers = registers
    self.memory = memory
  }

  /// A register by its name in lower case; of a segment register, the selector.
  func register(_ name: String) -> UInt64? {
    let short = name == "rflags" ? "RFL" : name.uppercased()
    let key = short + String(repeating: " ", count: max(0, 3 - short.count)) + "="
    guard let found = registers.range(of: key) else { return nil }
    return UInt64(registers[found.upperBound...].prefix { $0.isHexDigit }, radix: 16)
  }

  func byte(at address: UInt64) -> UInt8? {
    for part in memory where address >= part.start && address - part.start < UInt64(part.bytes.count) {
      return part.bytes[part.bytes.startIndex + Int(address - part.start)]
    }
    return nil
  }

  /// A little-endian number of `count` bytes.
  func number(at address: UInt64, count: UInt64 = 8) -> UInt64? {
    var value: UInt64 = 0
    for index in (0..<count).reversed() {
      guard let byte = byte(at: address + index) else { return nil }
      value = value << 8 | UInt64(byte)
    }
    return value
  }
}
