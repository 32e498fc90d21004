import Foundation
import Testing

/// What fits where a boot loader has to: the loader in 128 KiB, the kernel in 256 KiB.
@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct BareSizeTests {
  @Test(arguments: [("loader", 128), ("kernel", 256), ("kernel-relr", 256)])
  func theFileIsSmall(name: String, kibibytes: Int) throws {
    let size = try BareBuild.bytes(BareBuild.path(name)).count
    #expect(size < kibibytes * 1024)
  }
}
