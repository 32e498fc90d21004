import Foundation

/// The kernels of `Tests/TinyKernels`, built once per run by `scripts/build-tiny-kernels`.
public enum TinyKernel: String, CaseIterable, Sendable {
  /// Linked at 0xffffffff80200000, `p_paddr` 0x200000, three segments.
  case higherHalf = "hh-80200000"
  /// Linked where Linux is: 0xffffffff81000000, `p_paddr` 0x1000000.
  case linuxLink = "linux-link"
  /// Linked at 0xffff800000100000, compiled for the large code model.
  case upperHalf = "half-800000100000"
  /// Linked at 0x40200000, `p_paddr` the same.
  case low = "low-40200000"
  /// One rwx segment at 0xffffffff80200000, `p_paddr` 0, `p_align` 2 MiB.
  case oneSegment = "one-rwx"
  /// ET_DYN from 0 with RELA.
  case pieRELA = "pie-rela"
  /// ET_DYN from 0xffffffff80000000 with RELR.
  case pieRELR = "pie-relr"

  /// The built kernel.
  public func path() throws -> String {
    try Self.built.get()
    return PackageRoot.url.appendingPathComponent(".build/tiny-kernels/\(rawValue).elf").path
  }

  struct BuildFailed: Error { var status: Int32 }

  private static let built = Result { () throws in
    let process = Process()
    process.executableURL = PackageRoot.url.appendingPathComponent("scripts/build-tiny-kernels")
    process.currentDirectoryURL = PackageRoot.url
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BuildFailed(status: process.terminationStatus) }
  }
}
