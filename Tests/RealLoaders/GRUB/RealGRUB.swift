import Foundation
import TestSupport

/// Debian's GRUB 2.06, fetched by `scripts/fetch-grub`, on QEMU's `pc` with 256 MiB and the translator.
enum RealGRUB {
  /// What it did with a kernel.
  enum Verdict: Equatable, Sendable {
    /// Its words behind "error: ", without the full stop.
    case refuses(String)
    case boots(Landing)
    /// Neither; the serial console's last lines.
    case isSilent(String)
  }

  struct Chunk: Hashable, Comparable, Sendable, CustomStringConvertible {
    var target: UInt64
    var size: UInt64
    var description: String { "\(target.swiftText)+\(size.swiftText)" }
    static func < (left: Chunk, right: Chunk) -> Bool { (left.target, left.size) < (right.target, right.size) }
  }

  /// What the relocator moved, and what the kernel saw at its first instruction.
  struct Landing: Equatable, Sendable, CustomStringConvertible {
    /// Sorted, without empty ones.
    var chunks: [Chunk]
    var eax: UInt32
    var ebx: UInt32
    /// Where the probe ran.
    var eip: UInt32
    var description: String {
      "eip \(UInt64(eip).swiftText), eax \(UInt64(eax).swiftText), ebx \(UInt64(ebx).swiftText), \(chunks)"
    }
  }

  static let disk = PackageRoot.url.appendingPathComponent(".cache/grub/disk.img").path
  /// Where CI is set the tests run, so that a missing GRUB is a failure.
  static var isExpected: Bool {
    ProcessInfo.processInfo.environment["CI"] != nil || FileManager.default.fileExists(atPath: disk)
  }

  /// Boots a machine for one image.
  static func verdict(on image: GRUBImage) throws -> Verdict {
    let folder = try TemporaryFolder()
    try folder.write(image.build(), to: "k")
    for (index, size) in image.modules.enumerated() {
      try folder.write(Array(repeating: 0x6d, count: Int(size)), to: "m\(index)")
    }
    try folder.write(Array(script(for: image).utf8), to: "run.cfg")
    try folder.shell(machine, disk)
    let serial = String(decoding: try Data(contentsOf: folder.url.appendingPathComponent("serial")), as: UTF8.self)
    let probe = try Data(contentsOf: folder.url.appendingPathComponent("probe"))
    return verdict(serial: serial, probe: Array(probe))
  }

  private static func script(for image: GRUBImage) -> String {
    let suffix = image.version == 1 ? "" : "2"
    let modules = image.modules.indices.map { "  module\(suffix) /m\($0)\n" }.joined()
    return "if multiboot\(suffix) /k \(image.commandLine); then\n\(modules)  boot\nfi\nhalt\n"
  }

  /// The kernel ends QEMU through isa-debug-exit, GRUB by `halt`; neither is an error here.
  private static let machine = """
    tar -cf files.tar k run.cfg $(ls m? 2>/dev/null || true)
    timeout -k 1 20 qemu-system-x86_64 -accel tcg -machine pc -m 256 -display none -no-reboot -monitor none -net none \
      -drive "file=$1,format=raw,if=ide,index=0,readonly=off,snapshot=on" \
      -drive file=files.tar,format=raw,if=ide,index=1 -serial file:serial -debugcon file:probe \
      -device isa-debug-exit,iobase=0xf4,iosize=4 >qemu 2>&1 || true
    """

  static func verdict(serial: String, probe: [UInt8]) -> Verdict {
    let text = serial.replacing("\r", with: "")
    if let error = text.firstMatch(of: /error: (.*)\.\n/) { return .refuses(String(error.1)) }
    guard probe.count == 12 else { return .isSilent(text.split(separator: "\n").suffix(4).joined(separator: "\n")) }
    let words = stride(from: 0, to: 12, by: 4).map { start in
      probe[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    let chunks = text.matches(of: /sorted chunk 0x[0-9a-f]+->(0x)?([0-9a-f]+|\(nil\)), 0x([0-9a-f]+)/).map { match in
      Chunk(target: UInt64(match.2, radix: 16) ?? 0, size: UInt64(match.3, radix: 16) ?? 0)
    }
    // The probe's `call` pushes the address behind its 5 bytes.
    return .boots(
      Landing(chunks: chunks.filter { $0.size > 0 }.sorted(), eax: words[0], ebx: words[1], eip: words[2] &- 5))
  }
}
