import Addresses
import Codecs
import Glibc
import KernelImage
import Machines
import Reporting

/// Perch's own loader and kernel for the bare machine, as `scripts/build-bare` leaves them.
struct BareFiles {
  let loaderPath: String
  let kernelPath: String
  let loader: MappedFile
  let kernel: MappedFile

  /// Finds them: where the environment variable `PERCH_BARE` says, else beside the executable (`../../bare` in a build
  /// folder, `../share/perch` where it is installed).
  ///
  /// - Throws: ``Failure`` with exit code 5 where they are nowhere.
  init() throws(Failure) {
    let folders = Self.folders
    guard
      let folder = folders.first(where: { folder in
        // SAFETY: the path is NUL-terminated for the time of the call.
        ["loader.elf", "kernel.elf"].allSatisfy { unsafe access("\(folder)/\($0)", R_OK) == 0 }
      })
    else {
      throw Failure(
        .hostLacks,
        Diagnostic(
          code: 504, "Perch's own loader and kernel are not built",
          evidence: folders.map { "no loader.elf and kernel.elf in \($0)" },
          helps: ["scripts/build-bare builds them; or name a kernel: perch boot FILE"]))
    }
    loaderPath = "\(folder)/loader.elf"
    kernelPath = "\(folder)/kernel.elf"
    do throws(FileError) {
      loader = try MappedFile(path: loaderPath)
      kernel = try MappedFile(path: kernelPath)
    } catch {
      throw Failure(reading: error)
    }
  }

  private static var folders: [String] {
    // SAFETY: the name is NUL-terminated for the time of the call; the answer is copied at once, and nothing in this
    // process changes the environment.
    if let folder = unsafe getenv("PERCH_BARE") { return [unsafe String(cString: folder)] }
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    // SAFETY: the call writes at most as many bytes as the array has.
    let count = unsafe readlink("/proc/self/exe", &path, path.count)
    let parts = String(decoding: path.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
      separator: "/"
    ).dropLast()
    return [
      "/" + (parts.dropLast(2) + ["bare"]).joined(separator: "/"),
      "/" + (parts.dropLast() + ["share", "perch"]).joined(separator: "/"),
    ]
  }
}
