import Addresses
public import ArgumentParser
public import Codecs
import KernelImage
import Reporting

/// `perch extract FILE -o OUT`: the parts of an image as files of their own.
struct Extract: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a part of an image to a file.",
    discussion: """
      PARTS
        vmlinux   the ELF file: the unpacked payload of a bzImage
        relocs    Linux's relocation table, which follows the ELF file
        payload   the compressed kernel of a bzImage, as stored
        setup     the boot sector and the setup code of a bzImage

      The output takes its name only when it is complete.
      """)

  @Argument(help: "The kernel image; - reads standard input.", completion: .file())
  var file: String

  @Option(name: .shortAndLong, help: "Where to write; - is standard output.", completion: .file())
  var output: String

  @Option(help: "Which part to write.")
  var part: ImagePart = .vmlinux

  @Option(help: "The most bytes a compressed part may unpack to.")
  var maxSize = SizeArgument(.gibibytes(1))

  func run() throws {
    let limits = DecompressionLimits(cap: maxSize.count)
    let image = try InputImage(path: file, limits: limits, channels: Channels(color: .auto))
    guard image.isDecoded else { _ = try image.kernel(); return }
    let written = try extract(from: image, limits: limits)
    do throws(FileError) { try written.get() } catch { throw Failure(writing: error) }
  }

  private func extract(from image: InputImage, limits: DecompressionLimits) throws(Failure) -> Result<Void, FileError> {
    do throws(ExtractionError) {
      return try image.opened.withBytes { (bytes) throws(ExtractionError) in
        try part.extract(from: bytes, limits: limits) { bytes in
          Result { () throws(FileError) in try writeAtomically(to: output, bytes) }
        }
      }
    } catch {
      switch error {
      case .codec(let error): throw Failure(error, path: file, layer: "payload")
      case .image(let error): throw Failure(error, path: file, layer: image.bzImage == nil ? nil : "payload")
      case .missing(let part, let reason):
        throw Failure(
          .unreadableInput,
          Diagnostic(
            code: 107, "the image has no part '\(part.rawValue)': \(reason)", at: .init(path: file),
            helps: ["perch inspect \(file) shows what it has"]))
      }
    }
  }
}

extension ImagePart: ExpressibleByArgument {}
