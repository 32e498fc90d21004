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
    case none, zeroTooMany, zeroTooFew, otherByte, moduleElsewhere, register
  }

  /// A PVH kernel with zeros behind its bytes, and a module.
  private static let image: QEMUImage = {
    var generator = SeededGenerator(seed: 0)
    var file = RandomELF(.pvh, using: &generator)
    (file.is64, file.machine, file.flags, file.notes) = (true, 62, 0, [18])
    file.segments = [.init(virtual: 0x20_0000, physical: 0x20_0000, count: 100, memory: 5000, isExecutable: true)]
    return QEMUImage(file: .elf(file), moduleSizes: [100])
  }()

  @Test(arguments: Mistake.allCases) func aMistakeIsNoticed(mistake: Mistake) {
    let real = RealQEMU(.pc) { image, request in
      guard case .loads(var prediction) = QEMU.x86(image, request) else { return QEMU.x86(image, request) }
      Self.make(mistake, in: &prediction)
      return .loads(prediction)
    }
    let verdict = real.verdict(Self.image)
    if mistake == .none { #expect(verdict == .agrees) } else { #expect(Self.isDisagreement(verdict), "\(verdict)") }
  }

  private static func make(_ mistake: Mistake, in prediction: inout LoadPlan) {
    guard let segment = prediction.pieces.firstIndex(where: { $0.owner == "segment 0" }),
      let module = prediction.pieces.firstIndex(where: { $0.owner == "initrd" })
    else { return }
    switch mistake {
    case .none: break
    case .zeroTooMany: prediction.pieces[segment].zeroFill = ByteCount(prediction.pieces[segment].zeroFill.value + 1)
    case .zeroTooFew: prediction.pieces[segment].zeroFill = ByteCount(prediction.pieces[segment].zeroFill.value - 1)
    case .otherByte: prediction.pieces[segment].source = .module(0)
    case .moduleElsewhere:
      let place = prediction.pieces[module].destination
      prediction.pieces[module].destination = PhysicalRange(
        uncheckedStart: PhysicalAddress(place.start.value - 4096), count: place.count)
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
    (unmarked.machine, unmarked.flags, unmarked.notes) = (62, 0, [])
    let words = "Error loading uncompressed kernel without PVH ELF Note"
    #expect(verdict(words, of: .elf(unmarked)) == .agrees)
    #expect(Self.isDisagreement(verdict("Error", of: Self.image.file)))
    #expect(Self.isDisagreement(verdict("elfboot unsupported flags", of: .elf(unmarked))))
    #expect(Self.isDisagreement(verdict("", of: .elf(unmarked))))
  }

  private static func isDisagreement(_ verdict: Verdict) -> Bool {
    if case .disagrees = verdict { true } else { false }
  }
}
