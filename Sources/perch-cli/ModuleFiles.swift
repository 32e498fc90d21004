import Addresses
import Codecs
import Placement

/// The files that go along with a kernel, mapped.
struct ModuleFiles: ModuleSource {
  private let files: [MappedFile]
  let descriptions: [PlanRequest.Module]

  init(_ paths: [(path: String, name: String)]) throws(Failure) {
    var files: [MappedFile] = []
    for (path, _) in paths {
      do throws(FileError) { files.append(try MappedFile(path: path)) } catch { throw Failure(reading: error) }
    }
    self.files = files
    descriptions = zip(paths, files).map { PlanRequest.Module(name: $0.name, size: $1.count) }
  }

  func copyModule(_ index: Int, to place: inout MutableRawSpan) -> Int {
    files[index].withBytes { bytes in
      place.copy(from: bytes)
      return bytes.byteCount
    }
  }
}
