import Addresses
import Machines
import Placement
import Reporting

/// Modules beside the kernel: PVH under QEMU hands one file over, so that these are put into memory by QEMU's generic
/// loader, and Perch's is told where.
struct BareModules {
  let files: ModuleFiles
  private let placed: [(path: String, place: UInt64, size: ByteCount, name: String)]

  /// - Throws: ``Failure`` for a file that cannot be read, has arguments, or has no room.
  init(_ machine: MachineOptions) throws(Failure) {
    files = try machine.modules()
    var placed: [(path: String, place: UInt64, size: ByteCount, name: String)] = []
    // Downwards from what the firmware writes to, each on a page; the loader lies below 32 MiB.
    var end = QEMUMemoryMap.firmwareScratch(machine.memory.count).start.value
    for (module, size) in zip(machine.module, files.descriptions.map(\.size)) {
      guard module.arguments.isEmpty else {
        throw Failure(
          PlanError(.badRequest, "Perch's own loader hands a module over without arguments: \(module.arguments)"),
          path: module.path)
      }
      guard size > .zero, size.value + (32 << 20) <= end else {
        throw Failure(
          PlanError(
            .noRoom, "module \(module.path), \(size.value) bytes, has no room between 32 MiB and \(Hex.string(end))"),
          path: module.path)
      }
      end = (end - size.value) & ~0xfff
      let name = module.path.split(separator: "/").last ?? ""
      placed.append((module.path, end, size, String(name.map { $0.isWhitespace ? "_" : $0 })))
    }
    self.placed = placed
  }

  /// The loader's words.
  var words: [String] { placed.map { "module=\(Hex.string($0.place))+\($0.size.value),\($0.name)" } }

  /// QEMU's arguments. Commas in a name are doubled there.
  var arguments: [String] {
    placed.flatMap { module in
      let path = module.path.split(separator: ",", omittingEmptySubsequences: false).joined(separator: ",,")
      return ["-device", "loader,file=\(path),addr=\(Hex.string(module.place)),force-raw=on"]
    }
  }
}
