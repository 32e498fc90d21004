import Addresses
import KernelImage
import Placement
import TestSupport

/// A generic ELF kernel and the tables that its relocations would be found in.
struct ELFKernel {
  var bytes: [UInt8]
  var rela: [FileRange] = []
  var relr: [FileRange] = []

  init(_ builder: ELFBuilder) { bytes = builder.build() }

  /// Adds a table behind the file.
  func rela(_ words: UInt64...) -> ELFKernel { adding(words, to: \.rela) }
  func relr(_ words: UInt64...) -> ELFKernel { adding(words, to: \.relr) }

  private func adding(_ words: [UInt64], to list: WritableKeyPath<ELFKernel, [FileRange]>) -> ELFKernel {
    var copy = self
    let start = FileOffset(UInt64(bytes.count))
    copy[keyPath: list].append(FileRange(uncheckedStart: start, count: ByteCount(UInt64(8 * words.count))))
    copy.bytes += words.flatMap { [UInt8](littleEndian: $0) }
    return copy
  }

  private func image() throws -> ELFImage {
    let elf = try bytes.withRawSpan { (span) throws(ParseError) in try ELFFile(parsing: span) }
    return ELFImage(elf: elf, rela: rela, relr: relr)
  }

  func plan(_ request: PlanRequest) throws -> LoadPlan {
    let image = try image()
    return try bytes.withRawSpan { (span) throws(PlanError) in
      try PerchLoader.plan(elf: image, bytes: span, request: request)
    }
  }

  /// The refusal that this kernel meets, or nil where there is a plan.
  func refusal(_ request: PlanRequest) throws -> PlanError? {
    let image = try image()
    do throws(PlanError) {
      _ = try bytes.withRawSpan { (span) throws(PlanError) in
        try PerchLoader.plan(elf: image, bytes: span, request: request)
      }
      return nil
    } catch { return error }
  }
}
