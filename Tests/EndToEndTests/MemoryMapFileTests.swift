import Foundation
import TestSupport
import Testing

/// `perch plan --e820`: a machine that is described by a file.
@Suite struct MemoryMapFileTests {
  /// Memory from 1 MiB to 2 MiB is too small for the kernel's 5 MiB of bss; from 32 MiB on there is room.
  private let log = """
    [    0.000000] BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable
    [    0.000000] BIOS-e820: [mem 0x0000000000200000-0x0000000001ffffff] reserved
    [    0.000000] BIOS-e820: [mem 0x0000000002000000-0x0000000003ffffff] usable
    [    0.000000] BIOS-e820: [mem 0x0000000004000000-0x00000000040fffff] ACPI data
    """

  private func plan(_ map: String) throws -> PerchTool.Result {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(map.utf8), to: "map")
    return try PerchTool.run(["plan", try TinyKernel.higherHalf.path(), "--physical", "any", "--e820", path])
  }

  @Test func theKernelGoesWhereTheMapHasRoom() throws {
    let result = try plan(log)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("0x2000000-"))
  }

  @Test func bothFormsSayTheSame() throws {
    let lines = """
      # the same machine, both ends inclusive
      0x100000-0x1fffff usable
      0x200000-0x1ffffff reserved
      0x2000000-0x3ffffff usable
      0x4000000-0x40fffff 3
      """
    #expect(try plan(lines).output == plan(log).output)
  }

  @Test(arguments: ["0x1000 usable", "0x2000-0x1000 usable", "0x0-0xfff fine", "0x0-0xfffffffffffffffff usable", ""])
  func whatIsNoMapIsRefused(text: String) throws {
    let result = try plan(text)
    #expect(result.status == 3)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("error[K0103]: line "))
  }
}
