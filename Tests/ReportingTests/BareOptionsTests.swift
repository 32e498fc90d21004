import TestSupport
import Testing

/// The options that describe memory as another loader left it, and the lines that a loader prints.
@Suite struct BareOptionsTests {
  let folder: TemporaryFolder
  let path: String
  private static let link: UInt64 = 0xffff_ffff_8020_0000

  init() throws {
    folder = try TemporaryFolder()
    // Behind 64 + 56 bytes of headers, the segment is at 0x1000 of the file.
    path = try folder.write(
      ELFBuilder(entry: Self.link).segment(
        flags: [.read, .execute], virtual: Self.link, physical: 0, bytes: [UInt8](repeating: 0xf4, count: 0x2000)
      ).build(), to: "kernel")
  }

  private func plan(_ words: String...) throws -> PerchTool.Result {
    try PerchTool.run(["plan", path, "--memory", "128M"] + words)
  }

  private func lines(_ words: String...) throws -> [Substring] {
    let result = try PerchTool.run(["plan", path, "--memory", "128M", "--format", "lines"] + words)
    try #require(result.status == 0, "\(result.errors)")
    return result.output.split(separator: "\n")
  }

  @Test func aFileInMemoryIsRunInPlace() throws {
    let lines = try lines("--image-at", "0x390000", "--occupied", "0x100000-0x118000:the loader")
    #expect(lines.first?.hasPrefix("reading: ELF64") == true)
    #expect(lines.contains("piece 0x391000-0x393000 file 0x1000-0x3000 in place segment 0"))
    #expect(
      lines.contains(
        "occupied memory: nothing in [0x100000, 0x118000): the loader lies there until the kernel runs"))
    #expect(lines.contains("mapping 0xffffffff80200000-0xffffffff80202000 -> 0x391000 r-x 4 KiB x 2 segment 0"))
    #expect(try plan("--image-at", "0x390000").output.contains("in place"))
  }

  @Test func programsLearnWhatIsResident() throws {
    let result = try plan("--image-at", "0x390000", "--format", "json")
    let json = try JSONDocument(parsing: result.output)
    #expect(try Schemas.load("plan-1.0").violations(in: json) == [])
    #expect(result.output.contains("\"resident\": true") || result.output.contains("\"resident\":true"))
  }

  @Test func placesByHand() throws {
    #expect(try plan("--image-at", "0x390000", "--physical", "in-place").status == 0)
    let error = try plan("--physical", "in-place")
    #expect(error.status == 4)
    #expect(error.errors.contains("its file does not lie in memory"))
    #expect(try plan("--image-at", "0x390000", "--physical", "0x392000").errors.hasPrefix("error[K0206]"))
    #expect(try plan("--image-at", "0x39000000").errors.hasPrefix("error[K0204]"))
    #expect(try plan("--image-at", "0x10000000000000").status == 4)
  }

  @Test func modulesStay() throws {
    let module = try folder.write([UInt8](repeating: 1, count: 0x123), to: "disk")
    let lines = try lines("--physical", "any", "--module", module, "--module-at", "0x500000")
    #expect(lines.contains("module disk: stays at [0x500000, 0x500123): it lies in memory already"))
    #expect(!lines.contains { $0.hasPrefix("piece") && $0.hasSuffix("module disk") })
    #expect(try plan("--module-at", "0x500000").errors.contains("given 1 times, and there are 0 modules"))
  }

  /// Intel SDM vol. 3A, 2.5: PAE 5, PGE 7, UMIP 11, LA57 12, SMEP 20, SMAP 21.
  @Test func theProcessorIsPartOfThePlan() throws {
    let lines = try lines("--physical", "any", "--five-level", "--cpu", "smep,smap,umip,pge")
    #expect(lines.contains { $0.hasPrefix("entry ") && $0.hasSuffix(" cr4 0x3018a0") })
    #expect(lines.contains { $0.hasPrefix("page tables root") && $0.contains(": PML5 1, PML4 2, ") })
    #expect(try plan("--physical", "any", "--five-level").output.contains("0x1020 (PAE LA57)"))
  }

  @Test(arguments: [
    ["--cpu", "smep,foo"], ["--cpu", ""], ["--occupied", "5"], ["--occupied", "5-4"], ["--occupied", "1-2-3"],
    ["--image-at", "here"], ["--loader", "kexec", "--image-at", "0x390000"], ["--loader", "kexec", "--five-level"],
  ])
  func wrongWordsAreUsageErrors(words: [String]) throws {
    #expect(try PerchTool.run(["plan", path] + words).status == 2)
  }

  @Test(arguments: [["pack", "-o", "/dev/null"], ["boot"]])
  func machinesThatStartHaveNothingInMemory(words: [String]) throws {
    let result = try PerchTool.run([words[0], path, "--image-at", "0x390000"] + words.dropFirst())
    #expect(result.status == 4)
    #expect(result.errors.contains("--image-at describes memory as another loader left it"))
  }

  @Test func mapsAreLinesToo() throws {
    let result = try PerchTool.run(
      ["map", path, "--memory", "128M", "--image-at", "0x390000", "--format", "lines"])
    let lines = result.output.split(separator: "\n")
    #expect(lines.contains("0xffffffff80200000-0xffffffff80202000 -> 0x391000 r-x 4 KiB x 2 segment 0"))
    // Usable from 1 MiB; whole 2 MiB blocks from 2 MiB to 126 MiB, for the last pages belong to the firmware.
    #expect(lines.contains("0xffff888000200000-0xffff888007e00000 -> 0x200000 rw- 2 MiB x 62 direct map"))
    #expect(lines.allSatisfy { $0.hasPrefix("0x") })
  }

  @Test func walksAreLinesToo() throws {
    // A root at 0x1000 whose entry 0 leads down to a page: entries are present and writable.
    var memory = [UInt8](repeating: 0, count: 0x6000)
    for (table, next) in [(0x1000, 0x2003), (0x2000, 0x3003), (0x3000, 0x4003), (0x4008, 0x5003)] as [(Int, UInt64)] {
      for byte in 0..<8 { memory[table + byte] = UInt8(truncatingIfNeeded: next >> (8 * UInt64(byte))) }
    }
    let file = try folder.write(memory, to: "memory")
    let arguments = ["walk", "--memory", file, "--mode", "x86-64", "--cr3", "0x1000", "--format", "lines"]
    // No bit of the entries forbids execution.
    #expect(try PerchTool.run(arguments).output == "0x1000-0x2000 -> 0x5000 rwx 4 KiB x 1\n")
    #expect(try PerchTool.run(arguments + ["0x1000"]).status == 2)
  }
}
