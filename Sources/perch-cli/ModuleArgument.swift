import ArgumentParser
import Glibc

/// A module's file and the arguments for it: `FILE ARGUMENTS`, as GRUB's `module` takes them.
///
/// File names may have spaces: the longest beginning that is an existing file and ends before a space, or is all of it, is
/// the file. Where no beginning is one, all of it is, and the error names it.
struct ModuleArgument: ExpressibleByArgument, Equatable {
  let path: String
  let arguments: String

  init(path: String, arguments: String = "") {
    self.path = path
    self.arguments = arguments
  }

  init(argument: String) {
    let ends = [argument.endIndex] + argument.indices.reversed().filter { argument[$0] == " " }
    guard let end = ends.first(where: { Self.exists(String(argument[..<$0])) }) else {
      self.init(path: argument)
      return
    }
    self.init(path: String(argument[..<end]), arguments: String(argument[end...].drop { $0 == " " }))
  }

  private static func exists(_ path: String) -> Bool {
    // SAFETY: the path is NUL-terminated for the time of the call.
    unsafe access(path, F_OK) == 0
  }
}
