import Addresses
import ArgumentParser
import Machines

/// A file with memory and where its bytes stand: `FILE`, or `FILE@PHYSICAL[+OFFSET][:SIZE]`.
///
/// What follows the last `@` counts only where it is all numbers: other names may have an `@`.
struct MemoryArgument: ExpressibleByArgument, Equatable {
  let path: String
  /// Nil where the argument is a name and nothing else: the file may be a core.
  let physical: UInt64?
  let fileOffset: FileOffset
  let count: ByteCount?

  init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    guard let place = Self.place(argument) else {
      (path, physical, fileOffset, count) = (argument, nil, FileOffset(0), nil)
      return
    }
    (path, physical, fileOffset, count) = place
  }

  private static func place(_ argument: String) -> (String, UInt64?, FileOffset, ByteCount?)? {
    guard let at = argument.lastIndex(of: "@"), at > argument.startIndex else { return nil }
    let sized = argument[argument.index(after: at)...].split(separator: ":", omittingEmptySubsequences: false)
    let placed = sized[0].split(separator: "+", omittingEmptySubsequences: false)
    guard sized.count <= 2, placed.count <= 2 else { return nil }
    let numbers = (placed + sized.dropFirst()).map { SizeArgument(argument: String($0))?.count.value }
    guard !numbers.contains(nil), let physical = numbers[0] else { return nil }
    let offset = placed.count == 2 ? numbers[1] : nil
    let size = sized.count == 2 ? numbers[placed.count] : nil
    return (String(argument[..<at]), physical, FileOffset(offset ?? 0), size.map { ByteCount($0) })
  }

  /// The piece it describes; from physical address 0 where nothing is said.
  var rawFile: MemoryImage.RawFile? {
    guard let address = try? PhysicalAddress(checking: physical ?? 0) else { return nil }
    return MemoryImage.RawFile(path: path, physical: address, fileOffset: fileOffset, count: count)
  }
}
