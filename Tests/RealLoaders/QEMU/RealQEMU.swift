import AddressSpace
import Addresses
import BootProtocols
import Foundation
import Loaders
import Machines
import Placement
import TestSupport

/// A prediction held against QEMU itself: every byte, a page around each piece, entry, registers, words of a refusal.
struct RealQEMU: Sendable {
  typealias Model = @Sendable (RawSpan, LoaderRequest) -> LoaderOutcome

  /// What memory holds before the loader writes.
  static let filler: UInt8 = 0xa5

  var layout: GuestMemory.Layout
  var model: Model
  /// For a run to the entry.
  var timeLimit = Duration.seconds(90)

  init(_ layout: GuestMemory.Layout, _ model: @escaping Model) {
    self.layout = layout
    self.model = model
  }

  var missing: String? {
    let program = configuration.program
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let isThere = folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    return isThere ? nil : "\(program) is not installed"
  }

  /// What the real one says to the model's outcome for an image.
  func verdict(_ image: QEMUImage) -> Verdict {
    do {
      let run = try QEMURun(image, layout, timeLimit: timeLimit)
      let difference: String?
      switch run.bytes.withRawSpan({ model($0, run.request) }) {
      case .misbehaves(let misbehaviour): return .notFed("\(misbehaviour.effect): \(misbehaviour.evidence)")
      case .refuses(let refusal): difference = try run.difference(refusal)
      case .loads(let prediction): difference = try run.difference(prediction)
      }
      return difference.map { .disagrees($0) } ?? .agrees
    } catch {
      return .disagrees("\(error)")
    }
  }

  private var configuration: QEMUConfiguration {
    QEMUConfiguration(
      kernel: .path(""), memory: .mebibytes(64), accelerator: .tcg, timeLimit: .seconds(1), layout: layout)
  }
}
