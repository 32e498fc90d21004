import Addresses
import KernelImage
public import Placement

/// Perch's own loader among the others.
extension PerchLoader {
  /// What Perch does with an ELF file: an x86 kernel by itself, or the unpacked payload of a bzImage, with whose setup
  /// header in the request.
  public static func load(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    do throws(ParseError) {
      if sniff(image).contains(where: { $0.kind == .bzImage }) {
        return .refuses(
          Refusal(
            "the payload of the bzImage cannot be unpacked",
            evidence: "setup header, payload_offset and payload_length",
            rule: rule("the kernel's ELF file is placed, not its decompressor")))
      }
      let elf = try ELFFile(parsing: image)
      return try outcome(of: elf, image, request)
    } catch {
      return .refuses(
        Refusal(
          "the image cannot be read: \(error.field)",
          evidence: "\(error.field) at offset \(hex(error.offset)): \(hex(error.found))",
          rule: rule("headers, tables and segments lie within the file")))
    }
  }

  private static func outcome(
    of elf: ELFFile, _ image: RawSpan, _ request: LoaderRequest
  ) throws(ParseError) -> LoaderOutcome {
    let isLinux = request.setup != nil || LinuxImage.recognises(elf)
    let kernel = isLinux ? nil : try ELFImage(elf: elf, bytes: image)
    do throws(PlanError) {
      guard let kernel else { return .loads(try plan(linux: linux(elf, image, request), request: own(request))) }
      return .loads(try plan(elf: kernel, bytes: image, request: own(request)))
    } catch {
      return .refuses(Refusal(error))
    }
  }

  private static func linux(_ elf: ELFFile, _ image: RawSpan, _ request: LoaderRequest) -> LinuxImage {
    LinuxImage(
      elf: elf, relocations: try? RelocationTable(parsing: image, of: elf), setup: request.setup?.header,
      setupBytes: request.setup?.bytes, unpackedSize: ByteCount(UInt64(image.byteCount)))
  }

  private static func own(_ request: LoaderRequest) -> PlanRequest {
    var own = PlanRequest(machine: request.machine)
    own.firmwareScratch = request.firmwareScratch
    own.commandLine = request.commandLine
    own.modules = request.modules.map { .init(name: $0.name, size: $0.size) }
    return own
  }

  private static func rule(_ text: String) -> Rule { Rule(text, source: "Perch") }
}

extension Refusal {
  /// Perch's own no: the sentence names the field and its value.
  public init(_ error: PlanError) {
    self.init(
      error.sentence, evidence: error.help ?? "error code K0\(error.code.rawValue)",
      rule: Rule(error.code.rule, source: "Perch"))
  }
}

extension PlanError.Code {
  fileprivate var rule: String {
    switch self {
    case .wrongImage: "an x86 kernel with something to load and an entry"
    case .noEntry64: "Linux is entered by its 64-bit boot protocol"
    case .noRoom: "everything lies in free memory"
    case .notUsable: "every byte lies in usable memory at or above 1 MiB"
    case .misaligned: "whole pages map virtual to physical addresses"
    case .overlap: "no two pieces and no two mappings share a byte"
    case .notRelocatable: "without relocations an image runs only where it was linked"
    case .badRelocation: "every relocation is of a known kind and lies in the image"
    case .badRequest: "what is asked for is what the image allows"
    }
  }
}
