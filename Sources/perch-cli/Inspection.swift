import Addresses
import Codecs
import KernelImage
import Reporting

/// What there is to say about an image, put together from the parts that it has.
struct Inspection {
  /// Every section that an inspection can have.
  static let sectionNames = fileSections + kernelSections

  private static let fileSections = ["image", "candidates", "boots", "payloads", "layout", "setup"]
  private static let kernelSections = [
    "header", "segments", "sections", "notes", "xenGuest", "dynamic", "relocations", "symbols", "relocationTable",
  ]

  /// Whether any of the named sections says something about the kernel inside.
  static func needsKernel(_ names: [String]) -> Bool {
    names.contains { kernelSections.contains($0) || ["image", "boots", "payloads"].contains($0) }
  }

  private let image: InputImage
  private let kernel: KernelFile?
  /// Why the kernel inside is not shown.
  private let remarks: [String]

  /// - Parameter unpacks: whether to unpack and parse the kernel inside.
  /// - Throws: ``Failure`` for a kernel that cannot be unpacked or parsed; a codec that Perch does not have is no failure
  ///   here: everything around the payload can still be shown.
  init(of image: InputImage, unpacks: Bool) throws(Failure) {
    self.image = image
    guard unpacks, image.isDecoded else {
      kernel = nil
      remarks = image.isDecoded ? [] : ["Perch names this kind of image and does not decode it."]
      return
    }
    do throws(Failure) {
      kernel = try image.kernel()
      remarks = []
    } catch {
      guard error.diagnostic.code == CodecError.Code.unsupported.rawValue else { throw error }
      kernel = nil
      remarks = ["The kernel inside is not shown: \(error.diagnostic.sentence)."]
    }
  }

  /// The whole document.
  func document() throws(Failure) -> Document {
    var sections = short()
    sections.insert(InspectReport.candidates(image.candidates), at: 1)
    if !payloads.isEmpty { sections.append(InspectReport.payloads(payloads)) }
    if let bzImage = image.bzImage {
      sections.append(InspectReport.layout(of: bzImage))
      sections.append(InspectReport.setup(of: bzImage))
    }
    if let kernel { sections += try Self.sections(of: kernel, path: image.path) }
    return InspectReport.document(summary: summary, sections: sections)
  }

  /// What the file is, the facts that matter, and what can boot it.
  func summaryDocument() -> Document {
    InspectReport.document(summary: summary, sections: short())
  }

  private var summary: [String] {
    let kinds = image.candidates.prefix(1).map(\.kind.name) + image.opened.layers.dropFirst().map { $0.codec.name }
    let inner =
      image.opened.layers.isEmpty ? [] : [image.innerCandidates.first?.kind.name ?? "nothing Perch recognises"]
    let what = (kinds + inner).joined(separator: ", inside it ")
    return ["\(image.path): \(what), \(Size.human(image.input.size))"] + remarks
  }

  private func short() -> [Section] {
    var facts: [Fact] = []
    var ways: [InspectReport.BootWay] = []
    if let bzImage = image.bzImage {
      facts += InspectReport.facts(of: bzImage)
      ways += InspectReport.bootWays(of: bzImage, candidates: image.innerCandidates)
    }
    if let kernel {
      let isInside = image.bzImage != nil
      kernel.withBytes { bytes in
        facts += InspectReport.facts(of: kernel.elf, in: bytes, relocations: kernel.relocations, isPayload: isInside)
        ways += InspectReport.bootWays(
          of: kernel.elf, in: bytes, candidates: image.innerCandidates, isPayload: isInside)
      }
    }
    return [InspectReport.image(facts)] + (image.isDecoded ? [InspectReport.boots(ways)] : [])
  }

  private static func sections(of kernel: KernelFile, path: String) throws(Failure) -> [Section] {
    do throws(ParseError) {
      return try kernel.withBytes { (bytes) throws(ParseError) in
        let elf = kernel.elf
        var sections = [
          InspectReport.header(of: elf), InspectReport.segments(of: elf, in: bytes),
          InspectReport.sectionsInSegments(of: elf, in: bytes), InspectReport.sections(of: elf, in: bytes),
          try InspectReport.notes(of: elf, in: bytes),
        ]
        if let section = InspectReport.xenGuest(of: elf, in: bytes) { sections.append(section) }
        if let section = try InspectReport.dynamic(of: elf, in: bytes) { sections.append(section) }
        if let section = try InspectReport.relocations(of: elf, in: bytes) { sections.append(section) }
        if let section = try InspectReport.symbols(of: elf, in: bytes) { sections.append(section) }
        if let table = kernel.relocations { sections.append(InspectReport.relocationTable(table)) }
        return sections
      }
    } catch {
      throw Failure(error, path: path, layer: kernel.setup == nil ? nil : "payload")
    }
  }

  private var payloads: [InspectReport.Payload] {
    var payloads = image.opened.layers.map { layer in
      InspectReport.Payload(
        origin: layer.kind == .efiZboot ? "EFI zboot payload" : "compressed file", codec: layer.codec,
        compressedSize: layer.packedRange.count.value, unpackedSize: layer.unpackedSize.value)
    }
    if !payloads.isEmpty { payloads[payloads.count - 1].content = image.innerCandidates.first?.kind.name ?? "unknown" }
    if let bzImage = image.bzImage, let range = bzImage.payloadRange {
      payloads.append(
        InspectReport.Payload(
          origin: "bzImage payload", codec: bzImage.payloadCodec, compressedSize: range.count.value,
          declaredSize: bzImage.declaredPayloadSize?.value, unpackedSize: kernel?.size.value,
          content: kernel.map { $0.relocations == nil ? "ELF" : "ELF and relocation table" }))
    }
    return payloads
  }
}
