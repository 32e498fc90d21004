import Addresses
import AddressSpace
import BootProtocols
import Foundation
import KernelImage
import Machines
import Placement
import TestSupport
import Testing

/// A kernel that nobody can load, or words that nobody understands.
struct BadInput: CustomTestStringConvertible, Sendable {
  var name: String
  /// Nil: there is no module.
  var kernel: [UInt8]?
  var words = "nokaslr"
  /// A part of the sentence: the field, or the value.
  var evidence: String
  /// Whether `perch plan` can be asked the same.
  var isAsked = true

  var testDescription: String { name }

  private static func kernel(
    at virtual: UInt64 = 0xffff_ffff_8020_0000, physical: UInt64 = 0x20_0000, machine: Machine = .x86_64,
    memorySize: UInt64? = nil
  ) -> [UInt8] {
    ELFBuilder(type: .executable, machine: machine, entry: virtual)
      .segment(
        flags: [.read, .execute], virtual: virtual, physical: physical, bytes: [0xf4, 0xeb, 0xfd],
        memorySize: memorySize
      )
      .build()
  }

  static let all = [
    BadInput(name: "no ELF file", kernel: Array("#!/bin/sh\necho no kernel\n".utf8), evidence: "recognises"),
    BadInput(name: "an empty magic", kernel: [UInt8](repeating: 0, count: 64), evidence: "recognises"),
    BadInput(name: "a header cut short", kernel: Array(kernel().prefix(40)), evidence: "file"),
    BadInput(name: "a segment cut short", kernel: Array(kernel().dropLast(2)), evidence: "file"),
    BadInput(name: "another processor", kernel: kernel(machine: .aarch64), evidence: "e_machine"),
    BadInput(name: "larger than memory", kernel: kernel(memorySize: 0x1000_0000), evidence: "0x10000000"),
    BadInput(
      name: "in the direct map", kernel: kernel(at: 0xffff_8880_0020_0000), evidence: "direct map at 0xffff888000100000"
    ),
    BadInput(
      name: "in the canonical hole", kernel: kernel(at: 0x0000_8000_0000_0000), evidence: "0x800000000000"),
    BadInput(
      name: "across the canonical hole", kernel: kernel(at: 0x0000_7fff_ffff_f000, memorySize: 0x3000),
      evidence: "0x7ffffffff000"),
    BadInput(name: "no module", kernel: nil, evidence: "module 1 is the kernel", isAsked: false),
    BadInput(name: "an unknown word", kernel: kernel(), words: "nokaslr fast", evidence: "'fast'", isAsked: false),
    BadInput(name: "a seed and none", kernel: kernel(), words: "seed=1 nokaslr", evidence: "'nokaslr'", isAsked: false),
    BadInput(name: "no number", kernel: kernel(), words: "seed=one", evidence: "'seed=one'", isAsked: false),
    BadInput(
      name: "two modules that overlap", kernel: kernel(),
      words: "nokaslr module=0x2000000+0x2000,a module=0x2001000+0x1000,b", evidence: "0x2001000", isAsked: false),
    BadInput(
      name: "a module over the loader", kernel: kernel(), words: "nokaslr module=0x1001000+0x1000,a",
      evidence: "0x1001000", isAsked: false),
    BadInput(
      name: "a module beyond memory", kernel: kernel(), words: "nokaslr module=0x4000000000+0x1000,a",
      evidence: "0x4000000000", isAsked: false),
  ]
}

/// What cannot be loaded is refused in one sentence, on the serial port as on a desk, and never by a triple fault.
@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct RefusalTests {
  @Test(arguments: BadInput.all)
  func theLoaderRefusesAsPlanDoes(input: BadInput) throws {
    let folder = try TemporaryFolder()
    var arguments = ["-append", input.words]
    let file = try input.kernel.map { try folder.write($0, to: "kernel.elf") }
    if let file { arguments += ["-initrd", file] }
    let guest = try BareGuest(.path(BareBuild.loader), memory: .mebibytes(128), arguments)
    defer { guest.machine.end() }
    let outcome = try guest.machine.run()
    // 0x12 at isa-debug-exit.
    #expect(outcome == .guestExited(status: 37, reason: nil), "\(outcome)\n\(guest.text)")
    let errors = guest.lines.filter { $0.hasPrefix("error: ") }
    #expect(errors.count == 1)
    let error = try #require(errors.first)
    #expect(error.contains(input.evidence), "\(error)")
    guard input.isAsked, let file, let kernel = input.kernel else { return }

    let desk = try Desk(kernelSize: kernel.count, mebibytes: 128, words: input.words)
    let asked = try PerchTool.run(["plan", file] + (try desk.options(in: folder)))
    #expect([3, 4].contains(asked.status), "\(asked.errors)")
    let sentence = try #require(asked.errors.firstMatch(of: /error\[K\d+\]: (.*)/)).1
    #expect(error.hasPrefix("error: " + sentence), "\(error)\n\(asked.errors)")
  }

  /// Plans are printed in the same words, too.
  @Test(arguments: [(128, []), (3072, ["--huge-pages"])] as [(UInt64, [String])])
  func aDeskPrintsTheLinesOfTheMachine(mebibytes: UInt64, options: [String]) throws {
    let folder = try TemporaryFolder()
    let kernel = BareBuild.path("kernel")
    let guest = try BareGuest(
      .path(BareBuild.loader), memory: .mebibytes(mebibytes),
      ["-initrd", kernel, "-append", "seed=61 smep -- words"])
    defer { guest.machine.end() }
    _ = try guest.machine.run()
    let desk = try Desk(
      kernelSize: try BareBuild.bytes(kernel).count, mebibytes: mebibytes, words: "seed=61 smep -- words")
    let asked = try PerchTool.run(
      ["plan", kernel, "--format", "lines", "--kaslr", "61", "--cpu", "smep", "--cmdline", "words"]
        + options + (try desk.options(in: folder)))
    #expect(asked.status == 0, "\(asked.errors)")
    #expect(asked.output == guest.planLines.map { $0 + "\n" }.joined())
    #expect(asked.output.contains(" 1 GiB x ") == !options.isEmpty)
  }
}

/// What `perch plan` is told, to be asked what the loader is asked.
struct Desk {
  private let environment: BootEnvironment
  private let loader: PhysicalRange

  init(kernelSize: Int, mebibytes: UInt64, words: String) throws {
    let file = try BareBuild.bytes(BareBuild.loader)
    let start = BareStart(
      memory: .mebibytes(mebibytes), accelerator: .tcg, commandLine: words, kernelSize: ByteCount(UInt64(kernelSize)))
    environment = try start.environment(loader: file.span.bytes)
    loader = try BarePrediction.extent(ofLoader: file.span.bytes)
  }

  func options(in folder: TemporaryFolder) throws -> [String] {
    // A memory map's file has both ends inclusive.
    let map = environment.memoryMap.entries.map { entry in
      "\(entry.range.start.value)-\(entry.range.endValue - 1) \(entry.kind == .usable ? "usable" : "reserved")\n"
    }
    var options = ["--e820", try folder.write(Array(map.joined().utf8), to: "map")]
    options += ["--image-at", "\(environment.modules[0].physical.start.value)", "--occupied", "\(text(loader)):loader"]
    for range in joined { options += ["--occupied", "\(text(range)):boot information"] }
    return options
  }

  /// Ranges that touch are one.
  private var joined: [PhysicalRange] {
    var joined: [PhysicalRange] = []
    for range in environment.informationRanges.sorted(by: { $0.start < $1.start }) {
      if let last = joined.last, last.endValue == range.start.value {
        joined[joined.count - 1] = PhysicalRange(
          uncheckedStart: last.start, count: ByteCount(range.endValue - last.start.value))
      } else {
        joined.append(range)
      }
    }
    return joined
  }

  private func text(_ range: PhysicalRange) -> String {
    "0x\(String(range.start.value, radix: 16))-0x\(String(range.endValue, radix: 16))"
  }
}
