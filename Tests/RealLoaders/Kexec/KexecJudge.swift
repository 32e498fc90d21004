import AddressSpace
import Addresses
import BootProtocols
import Loaders
public import Placement
public import TestSupport

/// kexec-tools 2.0.25 judges its model: the place and size of every segment and the entry of the system call, or the
/// words of the refusal; and whether the kernel took it.
public struct KexecJudge: Judge {
  public init() {}

  public var name: String { "kexec-tools 2.0.25" }
  public var loaders: [LoaderName] { [.kexec] }
  public var counts: ImageCounts { ImageCounts(full: 300, quick: 30) }
  public var batch: Int { 25 }
  public var missing: String? { RealKexec.missing }

  public func draw(_ random: inout SeededGenerator) -> KexecImage { .random(&random) }

  public func verdicts(on images: [KexecImage]) throws -> [Verdict] {
    var session = try RealKexec.run(images, Array(images.indices))
    // An image that takes the guest or all of its time with it leaves those behind it unheard: they get a guest of
    // their own. One that is unheard where it came first is lost.
    var unheard = images.indices.filter { session.answers[$0] == nil }
    while let first = unheard.first {
      session.answers.merge(try RealKexec.run(images, unheard).answers) { $1 }
      unheard.removeAll { $0 == first || session.answers[$0] != nil }
    }
    return try images.indices.map { try verdict(images[$0], $0, session) }
  }

  private func verdict(_ image: KexecImage, _ index: Int, _ session: RealKexec.Session) throws -> Verdict {
    guard let answer = session.answers[index] else { return .disagrees("the guest said nothing") }
    let outcome = try image.bytes().withRawSpan {
      Kexec.load($0, image.request(index, session.machine), arguments: image.arguments)
    }
    switch outcome {
    case .loads(let prediction): return Self.compare(prediction, image, answer)
    case .refuses(let refusal): return Self.compare(refusal, answer)
    case .misbehaves(let misbehaviour): return Self.compare(misbehaviour, answer)
    }
  }

  private static func compare(_ prediction: LoadPlan, _ image: KexecImage, _ answer: RealKexec.Answer) -> Verdict {
    let segments = prediction.pieces.map {
      RealKexec.Segment(
        start: $0.destination.start.value, memorySize: $0.extent.count.value, bytes: $0.destination.count.value)
    }.sorted()
    // e_entry of the purgatory that Debian's build carries.
    let purgatory = prediction.pieces.first { $0.owner == "purgatory" }
    let entry = purgatory.map { $0.destination.start.value + 0x760 } ?? prediction.entry.address
    let isSame = answer.segments == segments && answer.entry == entry
    if isSame, answer.status == 0, answer.isLoaded { return .agrees }
    if isSame, mayRefuse(prediction), answer.status == 255, !answer.isLoaded { return .agrees }
    return .disagrees("model: \(prediction.reading), entry \(entry.swiftText), \(segments)\n\(told(answer))")
  }

  /// Whether it depends on the kernel's own count of memory that it takes so much.
  private static func mayRefuse(_ prediction: LoadPlan) -> Bool {
    prediction.remarks.contains { $0.kind == .unspecified && $0.rule.source.hasSuffix("sanity_check_segment_list") }
  }

  /// A line may begin with what a probe printed without an end.
  private static func compare(_ refusal: Refusal, _ answer: RealKexec.Answer) -> Verdict {
    let hasWords = answer.lines.contains { $0.hasSuffix(refusal.words) }
    if [1, 255].contains(answer.status), !answer.isLoaded, hasWords { return .agrees }
    return .disagrees("model: \(refusal)\n\(told(answer))")
  }

  private static func compare(_ misbehaviour: Misbehaviour, _ answer: RealKexec.Answer) -> Verdict {
    let isSo: Bool? =
      switch misbehaviour.effect {
      case "hangs": answer.status == 143
      case let effect where effect.hasSuffix("crashes"): (129..<143).contains(answer.status)
      case let effect where effect.hasSuffix("loads nothing"): answer.status == 0 && !answer.isLoaded
      default: nil
      }
    guard let isSo else { return .notFed(misbehaviour.effect) }
    return isSo ? .agrees : .disagrees("model: \(misbehaviour)\n\(told(answer))")
  }

  private static func told(_ answer: RealKexec.Answer) -> String {
    let entry = answer.entry.map { $0.swiftText } ?? "none"
    let words = answer.lines.filter { !$0.hasPrefix("segment[") && !$0.hasPrefix("kernel: ") }
    return "kexec: status \(answer.status), loaded \(answer.isLoaded), entry \(entry), \(answer.segments)\n"
      + words.joined(separator: "\n")
  }
}

extension KexecImage {
  func request(_ index: Int, _ machine: MemoryMap) -> LoaderRequest {
    LoaderRequest(
      machine: machine, imageName: RealKexec.name(index), commandLine: commandLine,
      modules: modules.enumerated().map { .init(name: RealKexec.moduleName(index, $0), size: ByteCount($1)) })
  }
}
