import Addresses
import Codecs
import Machines
import Reporting

/// The memory that `perch walk` looks into.
struct WalkSource {
  let memory: MemoryImage
  let input: Input
  let pieces: [WalkContext.Piece]

  init(_ arguments: [MemoryArgument]) throws(Failure) {
    let memory: MemoryImage
    do throws(DumpError) {
      memory = try Self.open(arguments)
    } catch {
      throw Failure(.unreadableInput, Diagnostic(code: 110, "the memory cannot be read", evidence: ["\(error)"]))
    }
    self.memory = memory
    pieces = memory.segments.map {
      .init(path: arguments[$0.file].path, physical: $0.physical, fileOffset: $0.fileOffset)
    }
    let size: ByteCount
    do throws(FileError) {
      size = try MappedFile(path: arguments[0].path).count
    } catch {
      throw Failure(reading: error)
    }
    input = Input(path: arguments[0].path, size: size.value)
  }

  /// One file of which no place is said is a core where it begins like one.
  private static func open(_ arguments: [MemoryArgument]) throws(DumpError) -> MemoryImage {
    var files: [MemoryImage.RawFile] = []
    for argument in arguments {
      guard let file = argument.rawFile else {
        throw DumpError.outsidePhysicalMemory(
          path: argument.path, start: argument.physical ?? 0, count: argument.count ?? .zero)
      }
      files.append(file)
    }
    let memory = try MemoryImage(rawFiles: files)
    guard arguments.count == 1, arguments[0].physical == nil,
      memory.loadWord(at: PhysicalAddress(unchecked: 0)) == elfMagic
    else { return memory }
    return try MemoryImage(core: arguments[0].path)
  }

  /// ELFMAG as a little-endian word.
  private static let elfMagic: UInt32 = 0x464c_457f
}
