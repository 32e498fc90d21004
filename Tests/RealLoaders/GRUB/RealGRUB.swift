import BootProtocols
import Foundation
import TestSupport

/// Debian's GRUB 2.06, fetched by `scripts/fetch-grub`, on QEMU's `pc` with the translator.
enum RealGRUB {
  /// What it did with a kernel.
  enum Verdict: Equatable, Sendable {
    /// Its words behind "error: ", without the full stop.
    case refuses(String)
    case boots(Landing)
    /// It jumped, and the probe did not tell from where: what the relocator moved.
    case jumpsBlindly([Chunk])
    /// Neither; the serial console's last lines.
    case isSilent(String)
  }

  struct Chunk: Hashable, Comparable, Sendable, CustomStringConvertible {
    var target: UInt64
    var size: UInt64
    var description: String { "\(target.swiftText)+\(size.swiftText)" }
    static func < (left: Chunk, right: Chunk) -> Bool { (left.target, left.size) < (right.target, right.size) }
  }

  /// What the relocator moved, and the state at the kernel's first instruction.
  struct Landing: Equatable, Sendable, CustomStringConvertible {
    /// Sorted, without empty ones.
    var chunks: [Chunk]
    var registers: [String: UInt32]
    var description: String {
      let words = registers.sorted { $0.key < $1.key }.map { "\($0.key) \(UInt64($0.value).swiftText)" }
      return "\(words.joined(separator: ", ")), \(chunks)"
    }
  }

  /// A machine that has ended.
  struct Run {
    var verdict: Verdict
    /// The machine's memory from address 0 on.
    var memory: FileHandle

    /// Bytes of memory; fewer where it ends.
    func bytes(at address: UInt64, _ count: Int) throws -> Data {
      try memory.seek(toOffset: address)
      return try memory.read(upToCount: count) ?? Data()
    }
  }

  static let disk = PackageRoot.url.appendingPathComponent(".cache/grub/disk.img").path

  /// Boots a machine for one image.
  static func run<Result>(_ image: GRUBImage, _ body: (Run) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    try folder.write(image.build(), to: "k")
    for index in image.modules.indices { try folder.write(image.module(index), to: "m\(index)") }
    try folder.write(Array(script(for: image).utf8), to: "run.cfg")
    try folder.shell(machine, disk, "\(image.memory)")
    let serial = String(decoding: try Data(contentsOf: folder.url.appendingPathComponent("serial")), as: UTF8.self)
    let probe = try Data(contentsOf: folder.url.appendingPathComponent("probe"))
    let memory = try FileHandle(forReadingFrom: folder.url.appendingPathComponent("memory"))
    defer { try? memory.close() }
    return try body(Run(verdict: verdict(serial: serial, probe: Array(probe)), memory: memory))
  }

  private static func script(for image: GRUBImage) -> String {
    let suffix = image.version == 1 ? "" : "2"
    let modules = image.modules.indices.map { "  module\(suffix) /m\($0)\n" }.joined()
    return "if multiboot\(suffix) /k \(image.commandLine); then\n\(modules)  boot\nfi\nhalt\n"
  }

  /// The kernel ends QEMU through isa-debug-exit, GRUB by `halt`; neither is an error here.
  private static let machine = """
    tar -cf files.tar k run.cfg $(ls m? 2>/dev/null || true)
    timeout -k 1 50 qemu-system-x86_64 -accel tcg -machine pc,memory-backend=ram -m "$2" -display none -no-reboot \
      -object "memory-backend-file,id=ram,size=$2M,mem-path=memory,share=on" -monitor none -net none \
      -drive "file=$1,format=raw,if=ide,index=0,readonly=off,snapshot=on" \
      -drive file=files.tar,format=raw,if=ide,index=1 -serial file:serial -debugcon file:probe \
      -device isa-debug-exit,iobase=0xf4,iosize=4 >qemu 2>&1 || true
    """

  static func verdict(serial: String, probe: [UInt8]) -> Verdict {
    let text = serial.replacing("\r", with: "")
    if let error = text.firstMatch(of: /error: (.*)\.\n/) { return .refuses(String(error.1)) }
    let chunks = text.matches(of: /sorted chunk 0x[0-9a-f]+->(0x)?([0-9a-f]+|\(nil\)), 0x([0-9a-f]+)/).map { match in
      Chunk(target: UInt64(match.2, radix: 16) ?? 0, size: UInt64(match.3, radix: 16) ?? 0)
    }.filter { $0.size > 0 }.sorted()
    if let registers = GRUBProbe.registers(in: probe) {
      return .boots(Landing(chunks: chunks, registers: registers))
    }
    if !chunks.isEmpty { return .jumpsBlindly(chunks) }
    return .isSilent(text.split(separator: "\n").suffix(4).joined(separator: "\n"))
  }
}
