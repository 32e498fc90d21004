import Addresses
import BootProtocols
import Foundation
import KernelImage
import Loaders
import Machines
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// The judges over QEMU notice predictions that are a little wrong.
@Suite(.serialized) struct RealQEMUTests {
  enum Mistake: CaseIterable {
    case none, zeroTooMany, zeroTooFew, otherBytes, moduleElsewhere, entry, register

    /// What the judge says of it: bytes from 0x200000, zeros up to 0x201388 (5000 bytes in all), 0xa5 where nothing is
    /// written.
    var words: String? {
      switch self {
      case .none: nil
      case .zeroTooMany: "at 0x20_1388: 0xa5 instead of 0x0"
      case .zeroTooFew: "at 0x20_1387: 0x0 instead of nothing written"
      case .otherBytes: "at 0x20_0000: "
      case .moduleElsewhere: " instead of 0x64"
      case .entry: "QEMU never comes to 0x30_0000"
      case .register: "cr0 is 0x11 instead of 0x10"
      }
    }
  }

  /// A PVH kernel with zeros behind its bytes, and a module.
  private static let image: QEMUImage = {
    var generator = SeededGenerator(seed: 0)
    var file = RandomELF(.pvh, using: &generator)
    (file.is64, file.machine, file.flags, file.notes, file.firstNotes) = (true, 62, 0, [18], [])
    file.segments = [.init(virtual: 0x20_0000, physical: 0x20_0000, count: 100, memory: 5000, isExecutable: true)]
    return QEMUImage(file: .elf(file), moduleSizes: [100])
  }()

  @Test(arguments: Mistake.allCases) func aMistakeIsNoticed(mistake: Mistake) {
    var real = RealQEMU(.pc) { image, request in
      guard case .loads(var prediction) = QEMU.x86(image, request) else { return QEMU.x86(image, request) }
      Self.make(mistake, in: &prediction)
      return .loads(prediction)
    }
    // Of what never comes.
    if mistake == .entry { real.timeLimit = .seconds(5) }
    let verdict = real.verdict(Self.image)
    guard let words = mistake.words else {
      #expect(verdict == .agrees)
      return
    }
    #expect(Self.disagreement(verdict)?.contains(words) == true, "\(verdict)")
  }

  private static func make(_ mistake: Mistake, in prediction: inout LoadPlan) {
    guard let segment = prediction.pieces.firstIndex(where: { $0.owner == "segment 0" }),
      let module = prediction.pieces.firstIndex(where: { $0.owner == "initrd" })
    else { return }
    switch mistake {
    case .none: break
    case .zeroTooMany: prediction.pieces[segment].zeroFill = ByteCount(prediction.pieces[segment].zeroFill.value + 1)
    case .zeroTooFew: prediction.pieces[segment].zeroFill = ByteCount(prediction.pieces[segment].zeroFill.value - 1)
    case .otherBytes: prediction.pieces[segment].source = .module(0)
    case .moduleElsewhere:
      let place = prediction.pieces[module].destination
      prediction.pieces[module].destination = PhysicalRange(
        uncheckedStart: PhysicalAddress(place.start.value - 4096), count: place.count)
    case .entry: prediction.entry.address = 0x30_0000
    case .register:
      prediction.entry.registers = prediction.entry.registers.map { register in
        register.name == "cr0" ? .init("cr0", 0x10, "") : register
      }
    }
  }

  @Test func aRefusalInOtherWordsIsNoticed() {
    func verdict(_ words: String, of file: QEMUImage.File) -> Verdict {
      RealQEMU(.pc) { _, _ in
        .refuses(Refusal(words, evidence: "", rule: Rule("", source: "")))
      }.verdict(QEMUImage(file: file))
    }
    var generator = SeededGenerator(seed: 0)
    var unmarked = RandomELF(.pvh, using: &generator)
    // Without any note: behind another's note QEMU would read on, and crash at times.
    (unmarked.machine, unmarked.flags, unmarked.notes, unmarked.firstNotes) = (62, 0, [], [])
    let words = "Error loading uncompressed kernel without PVH ELF Note"
    #expect(verdict(words, of: .elf(unmarked)) == .agrees)
    for other in ["elfboot unsupported flags", ""] {
      let verdict = verdict(other, of: .elf(unmarked))
      #expect(Self.disagreement(verdict)?.contains(words) == true, "\(verdict)")
    }
    #expect(Self.disagreement(verdict("Error", of: Self.image.file))?.hasSuffix("but QEMU starts") == true)
  }

  /// A kernel at the end of 64 MiB and in low memory, where the firmware writes: without the remark the judge says so.
  @Test(arguments: [0x8000, 0x3fe_0000] as [UInt64]) func theFirmwaresMemoryIsNoticed(address: UInt64) {
    let kernel = ELFBuilder(entry: 0x20_0000).parts([RecordedPart(0x20_0000), RecordedPart(address, file: 0x1000)])
      .note(owner: "Xen", type: 18, descriptor: [0, 0, 0x20, 0, 0, 0, 0, 0]).build()
    let image = QEMUImage(file: .made(kernel))
    let silent = RealQEMU(.pc) { image, request in
      guard case .loads(var prediction) = QEMU.x86(image, request) else { return QEMU.x86(image, request) }
      prediction.remarks = []
      return .loads(prediction)
    }
    #expect(RealQEMU(.pc, QEMU.x86).verdict(image) == .agrees)
    #expect(Self.disagreement(silent.verdict(image))?.hasPrefix("at ") == true)
  }

  private static func disagreement(_ verdict: Verdict) -> String? {
    if case .disagrees(let words) = verdict { words } else { nil }
  }
}
