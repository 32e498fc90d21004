import AddressSpace
import Addresses
import Foundation
import TestSupport

/// Debian's kexec-tools 2.0.25, fetched by `scripts/fetch-kexec`, under Debian's cloud kernel on QEMU's `pc` with the
/// translator: 1280 MiB below 4 GiB and 256 MiB above. It loads, and jumps nowhere.
enum RealKexec {
  struct Segment: Hashable, Comparable, CustomStringConvertible {
    var start: UInt64
    var memorySize: UInt64
    var bytes: UInt64
    var description: String { "\(start.swiftText)+\(memorySize.swiftText) (\(bytes.swiftText) bytes)" }
    static func < (left: Segment, right: Segment) -> Bool { left.start < right.start }
  }

  /// What it printed and did with one image.
  struct Answer {
    var lines: [String] = []
    /// The shell's: 128 and the signal's number where it died of one.
    var status = 0
    /// /sys/kernel/kexec_loaded.
    var isLoaded = false

    var entry: UInt64? {
      lines.lazy.compactMap { $0.firstMatch(of: /kexec_load: entry = (?:0x([0-9a-f]+)|\(nil\))/) }.first.map {
        $0.1.flatMap { UInt64($0, radix: 16) } ?? 0
      }
    }

    /// As the first list of them says; a refused load prints a second one.
    var segments: [Segment] {
      var all: [Int: [Substring: UInt64]] = [:]
      for line in lines {
        guard let match = line.firstMatch(of: /^segment\[(\d+)\]\.(\w+) *= (?:0x([0-9a-f]+)|\(nil\))/),
          let index = Int(match.1)
        else { continue }
        all[index, default: [:]][match.2] = match.3.flatMap { UInt64($0, radix: 16) } ?? 0
      }
      return all.values.map { Segment(start: $0["mem"] ?? 0, memorySize: $0["memsz"] ?? 0, bytes: $0["bufsz"] ?? 0) }
        .sorted()
    }
  }

  struct Session {
    /// What /sys/firmware/memmap says, which is what kexec goes by.
    var machine: MemoryMap
    /// By the image's index; without those of which nothing was heard.
    var answers: [Int: Answer]
  }

  static let archive = PackageRoot.url.appendingPathComponent(".cache/kexec/initramfs.cpio").path

  static var missing: String? {
    if !FileManager.default.fileExists(atPath: archive) { return "scripts/fetch-kexec was not run" }
    return DebianKernel.cloud.isPresent ? nil : "scripts/fetch-kernel linux-image-cloud-amd64 was not run"
  }

  static func name(_ index: Int) -> String { "/images/\(index)" }
  static func moduleName(_ index: Int, _ module: Int) -> String { "/images/\(index).m\(module)" }

  /// Boots one guest for some of the images, by their indices.
  static func run(_ images: [KexecImage], _ indices: [Int]) throws -> Session {
    let folder = try TemporaryFolder()
    var files = InitramfsWriter()
    var script = prologue
    for index in indices {
      let image = images[index]
      files.add(name(index), try image.bytes())
      for (module, size) in image.modules.enumerated() {
        files.add(moduleName(index, module), [UInt8](repeating: 0x6d, count: Int(size)))
      }
      script += "run \(index) \(options(image, index)) \(name(index))\n"
    }
    files.add("/images/run", Array(script.utf8))
    try folder.write(files.finished, to: "images.cpio")
    try folder.shell(machine, archive, DebianKernel.cloud.path, limit: 150)
    let serial = try Data(contentsOf: folder.url.appendingPathComponent("serial"))
    // A return and a line feed are one Character.
    return session(String(decoding: serial.filter { $0 != 13 }, as: UTF8.self))
  }

  private static func options(_ image: KexecImage, _ index: Int) -> String {
    var words = [image.arguments.rawValue]
    if !image.commandLine.isEmpty { words.append("--append='\(image.commandLine)'") }
    if !image.modules.isEmpty { words.append("--initrd=\(moduleName(index, 0))") }
    for module in image.modules.indices { words.append("--module=\(moduleName(index, module))") }
    return words.joined(separator: " ")
  }

  /// The relocations of purgatory and the memory map are the same for all: not printed.
  private static let prologue = #"""
    B=/bin/busybox
    for d in /sys/firmware/memmap/*; do echo "MAP $($B cat $d/start) $($B cat $d/end) $($B cat $d/type)"; done
    run() {
      echo "BEGIN $1"; shift
      $B timeout 6 kexec -d -c -l "$@" >/tmp/out 2>&1
      s=$?
      $B grep -v -e '^sym' -e '^R_X86_64' -e '^[0-9a-f]*-[0-9a-f]* (' /tmp/out
      echo; echo "END $s $($B cat /sys/kernel/kexec_loaded)"
      kexec -c -u >/dev/null 2>&1
    }

    """#

  /// Powering off ends QEMU; a guest that hangs is one of which nothing more is heard.
  private static let machine = """
    cat "$1" images.cpio >initrd
    timeout -k 1 120 qemu-system-x86_64 -accel tcg -machine pc,max-ram-below-4g=1280M -m 1536 -cpu max -display none \
      -no-reboot -monitor none -net none -serial file:serial -kernel "$2" -initrd initrd \
      -append 'console=ttyS0 loglevel=0 panic=-1' >qemu 2>&1 || true
    """

  static func session(_ serial: String) -> Session {
    var entries: [MemoryMap.Entry] = []
    var answers: [Int: Answer] = [:]
    var current: (index: Int, answer: Answer)?
    for line in serial.split(separator: "\n") {
      if let match = line.firstMatch(of: /MAP 0x([0-9a-f]+) 0x([0-9a-f]+) (.*)$/) {
        let start = UInt64(match.1, radix: 16) ?? 0
        let end = UInt64(match.2, radix: 16) ?? 0
        entries.append(
          .init(
            range: PhysicalRange(
              uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(end &- start &+ 1)),
            kind: match.3 == "System RAM" ? .usable : .reserved))
      } else if let match = line.firstMatch(of: /^BEGIN (\d+)$/) {
        current = (Int(match.1) ?? 0, Answer())
      } else if let match = line.firstMatch(of: /^END (\d+) (\d)$/), var done = current {
        done.answer.status = Int(match.1) ?? 0
        done.answer.isLoaded = match.2 == "1"
        answers[done.index] = done.answer
        current = nil
      } else {
        current?.answer.lines.append(String(line))
      }
    }
    return Session(machine: MemoryMap(normalising: entries), answers: answers)
  }
}
