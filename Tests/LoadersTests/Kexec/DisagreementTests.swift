import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// The same image, three loaders.
@Suite struct DisagreementTests {
  enum Verdict: Sendable {
    case loads([Remark.Kind])
    /// Literal words; nil where only the refusal itself is known.
    case refuses(String?)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let image: ELFBuilder
    let kexec, firecracker, limine: Verdict
    var testDescription: String { name }
  }

  private static let top: UInt64 = 0xffff_ffff_8000_0000

  private static func segment(
    _ image: ELFBuilder, _ physical: UInt64, _ count: Int = 0x1000, memory: UInt64? = nil
  ) -> ELFBuilder {
    image.segment(
      virtual: top + physical & 0x7fff_ffff, physical: physical, bytes: .init(repeating: 0x90, count: count),
      memorySize: memory)
  }

  private static var plain: ELFBuilder { ELFBuilder(entry: 0x20_0000) }
  private static var unknown: String { "Cannot determine the file type of kernel" }

  static let geometry: [Case] = [
    Case(
      name: "overlap", image: segment(segment(plain, 0x20_0000, 0x2000), 0x20_1000),
      kexec: .refuses("Overlapping memory segments at 0x202000"), firecracker: .loads([.overlap]),
      limine: .refuses("elf: Attempted to load ELF file with overlapping PHDRs (0 and 1 overlap)")),
    Case(
      name: "gap", image: segment(segment(plain, 0x20_0000), 0x40_0000), kexec: .loads([]), firecracker: .loads([]),
      limine: .loads([.entryOutsideImage])),
    Case(
      name: "entry outside any segment", image: segment(ELFBuilder(entry: 0x3000_0000), 0x20_0000),
      kexec: .loads([.entryOutsideImage]), firecracker: .loads([.entryOutsideImage]),
      limine: .loads([.entryOutsideImage])),
    Case(
      name: "virtual e_entry, physical p_paddr", image: segment(ELFBuilder(entry: top + 0x20_0000), 0x20_0000),
      kexec: .loads([.entryOutsideImage]), firecracker: .loads([.entryOutsideImage]), limine: .loads([])),
    Case(
      name: "p_paddr not at a page", image: segment(ELFBuilder(entry: top + 0x20_0123), 0x20_0123),
      kexec: .refuses("Base address: 0x200123 is not page aligned"), firecracker: .loads([.entryOutsideImage]),
      limine: .loads([])),
    Case(
      name: "p_filesz > p_memsz", image: segment(plain, 0x20_0000, 0x2000, memory: 0x1000), kexec: .loads([]),
      firecracker: .loads([]), limine: .refuses("elf: p_filesz > p_memsz")),
    Case(
      name: "segment at 1 TiB",
      image: ELFBuilder(entry: top).segment(virtual: top, physical: 1 << 40, bytes: .init(repeating: 1, count: 0x1000)),
      kexec: .refuses("Invalid memory segment 0x10000000000 - 0x10000000fff"),
      firecracker: .refuses("Unable to read kernel image"), limine: .loads([])),
    Case(
      name: "wrap", image: segment(plain, 0x20_0000, memory: .max), kexec: .refuses(unknown),
      firecracker: .refuses("MemoryOverflow"), limine: .refuses(nil)),
  ]

  static let kinds: [Case] = [
    Case(
      name: "ET_DYN at 0",
      image: ELFBuilder(type: .shared, entry: 0x100).segment(virtual: 0, bytes: .init(repeating: 1, count: 0x1000)),
      kexec: .loads([]), firecracker: .refuses("Invalid entry address"),
      limine: .refuses("elf: ELF file type is ET_DYN, but PT_DYNAMIC segment missing")),
    Case(
      name: "ET_DYN at 0 with PT_DYNAMIC",
      image: ELFBuilder(type: .shared, entry: 0x100).segment(virtual: 0, bytes: .init(repeating: 1, count: 0x1000))
        .segment(type: .dynamic, partOf: 0, offset: 0, count: 16),
      kexec: .loads([]), firecracker: .refuses("Invalid entry address"), limine: .loads([])),
    Case(
      name: "PT_INTERP",
      image: segment(ELFBuilder(entry: top + 0x20_0000), 0x20_0000)
        .segment(type: .interpreter, partOf: 0, offset: 0, count: 8),
      kexec: .refuses(unknown), firecracker: .loads([.entryOutsideImage]), limine: .loads([])),
    Case(
      name: "no PT_LOAD", image: plain.segment(type: .null), kexec: .loads([.entryOutsideImage]),
      firecracker: .loads([.entryOutsideImage]), limine: .refuses("elf: Executable has no loadable segments")),
    Case(
      name: "class 32",
      image: ELFBuilder(class: .bits32, machine: .i386, entry: 0x20_0000)
        .segment(virtual: 0x20_0000, bytes: .init(repeating: 1, count: 0x1000)),
      kexec: .loads([]), firecracker: .refuses("Invalid program header size"),
      limine: .refuses("elf: Not an x86-64 ELF file.")),
  ]

  @Test(arguments: geometry + kinds) func verdicts(_ each: Case) {
    let request = LoaderRequest(ramRanges: [0x1000..<0x8000_0000])
    each.image.build().withRawSpan { bytes in
      check(Kexec.load(bytes, request), each.kexec, "kexec")
      check(LinuxLoader.load(bytes, request, monitor: .firecracker), each.firecracker, "firecracker")
      check(Limine.load(bytes, request), each.limine, "limine")
    }
  }

  private func check(_ outcome: LoaderOutcome, _ verdict: Verdict, _ loader: Comment) {
    switch verdict {
    case .loads(let kinds):
      var seen = outcome.loadedPrediction?.remarks.map(\.kind)
      // Each kind counts once: a virtual entry also lies outside the GiB that Firecracker maps.
      if let all = seen {
        seen = all.enumerated().filter { !all.prefix($0.offset).contains($0.element) }.map(\.element)
      }
      #expect(seen == kinds, loader)
    case .refuses(let words):
      let refusal = outcome.statedRefusal
      #expect(refusal != nil, loader)
      if let words { #expect(refusal?.words == words, loader) }
      #expect(refusal?.evidence.isEmpty == false, loader)
    }
  }
}
