import Addresses
import BootProtocols
import Testing

@Suite struct LoaderCommandLineTests {
  @Test func everyWord() throws {
    let line = try LoaderCommandLine(
      parsing: """
        seed=0xFFffFFffFFffFFff\tphysical=0x200000  slide=-0x200000 direct-map=0xffff888000000000 huge-pages la57 smep
        smap umip pge module=0x390000+4660,kernel.elf module=0x400000+0x1 module=1+1,a,b=c
        -- console=ttyS0  -- quiet\u{20}
        """)
    #expect(line.seed == .max && !line.drawsNothing && line.physical == .at(PhysicalAddress(0x20_0000)))
    #expect(line.slide == -0x20_0000 && line.directMapBase == VirtualAddress(0xffff_8880_0000_0000))
    #expect(line.allowsHugePages && line.processor == [.fiveLevelPaging, .smep, .smap, .umip, .globalPages])
    #expect(line.modules.map(\.physical) == [range(0x39_0000, 0x1234), range(0x40_0000, 1), range(1, 1)])
    #expect(line.modules.map(\.string) == ["kernel.elf", "", "a,b=c"])
    #expect(line.kernelCommandLine == "console=ttyS0  -- quiet ")
  }

  @Test(arguments: ["", " \t\n", "--", " -- ", "-- \t"]) func nothing(text: String) throws {
    let line = try LoaderCommandLine(parsing: text)
    #expect(line.seed == nil && !line.drawsNothing && line.physical == nil && line.slide == nil)
    #expect(line.directMapBase == nil && !line.allowsHugePages && line.processor.isEmpty && line.modules.isEmpty)
    #expect(line.kernelCommandLine.isEmpty)
  }

  @Test func places() throws {
    #expect(try LoaderCommandLine(parsing: "physical=any").physical == .any)
    #expect(try LoaderCommandLine(parsing: "physical=linked").physical == .linked)
    #expect(try LoaderCommandLine(parsing: "physical=in-place").physical == .inPlace)
    #expect(
      try LoaderCommandLine(parsing: "physical=72057594037927935").physical == .at(PhysicalAddress((1 << 56) - 1)))
    #expect(try LoaderCommandLine(parsing: "nokaslr").drawsNothing)
  }

  /// The extremes of two's complement: -2⁶³ and 2⁶³ - 1.
  @Test func numbers() throws {
    #expect(try LoaderCommandLine(parsing: "slide=-9223372036854775808").slide == .min)
    #expect(try LoaderCommandLine(parsing: "slide=0x7fffffffffffffff").slide == .max)
    #expect(try LoaderCommandLine(parsing: "slide=-0").slide == 0)
    #expect(try LoaderCommandLine(parsing: "seed=18446744073709551615").seed == .max)
    #expect(try LoaderCommandLine(parsing: "seed=0007").seed == 7)
  }

  @Test(arguments: [
    "quiet", "kaslr", "nokaslr=1", "huge-pages=", "smep,smap", "SMEP", "la5", "la577", "seed", "Seed=1", "=", "=1",
    "---",
    "--x", "größe", "séed=1", "\0",
  ])
  func unknown(word: String) throws {
    let error = try #require(throws: LoaderCommandLineError.self) { try LoaderCommandLine(parsing: " pge \(word) x") }
    #expect(error.problem == .unknown && error.word == word && error.offset == 5)
    #expect(error.message.hasPrefix("word '\(word)' at byte 5 of the command line: it is unknown; allowed: seed="))
  }

  @Test(arguments: [
    "seed=", "seed=x", "seed=0x", "seed=-1", "seed=+1", "seed=1f", "seed=0X1", "seed=1_0", "seed=18446744073709551616",
    "seed=0x10000000000000000", "seed=99999999999999999999", "seed==1", "physical=", "physical=here",
    "physical=anywhere",
    "physical=0x100000000000000", "slide=", "slide=-", "slide=--1", "slide=0x8000000000000000",
    "slide=-9223372036854775809", "direct-map=", "direct-map=high", "module=", "module=1", "module=1+", "module=+1",
    "module=1+0", "module=1+1+1", "module=a+1", "module=1,1", "module=,x", "module=0xffffffffffffff+2",
    "module=0x100000000000000+1", "module=1+0x100000000000000",
  ])
  func values(word: String) throws {
    let error = try #require(throws: LoaderCommandLineError.self) { try LoaderCommandLine(parsing: "\(word) -- x") }
    #expect(error.problem == .value && error.word == word && error.offset == 0)
  }

  @Test(arguments: [
    "seed=1 seed=1", "nokaslr seed=1", "seed=1 nokaslr", "nokaslr nokaslr", "physical=any physical=any",
    "slide=0 slide=0", "direct-map=0 direct-map=0", "huge-pages huge-pages", "smep smep", "pge pge",
  ])
  func contradictions(line: String) throws {
    let error = try #require(throws: LoaderCommandLineError.self) { try LoaderCommandLine(parsing: line) }
    #expect(error.problem == .contradiction && error.offset == line.prefix { $0 != " " }.utf8.count + 1)
  }

  @Test func sixtyFourModulesAreTheMost() throws {
    let words = [String](repeating: "module=4096+1", count: 64).joined(separator: " ")
    #expect(try LoaderCommandLine(parsing: words).modules.count == 64)
    #expect(throws: LoaderCommandLineError.self) { try LoaderCommandLine(parsing: words + " module=4096+1") }
  }

  /// Words behind `--` are the kernel's, whatever they say.
  @Test func theKernelsWordsAreNotRead() throws {
    #expect(try LoaderCommandLine(parsing: "pge -- pge pge seed=x").kernelCommandLine == "pge pge seed=x")
    #expect(try LoaderCommandLine(parsing: "--\u{20}\u{20}größe").kernelCommandLine == "größe")
  }

  @Test(arguments: 0..<8) func randomLines(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    let pieces = [
      "seed", "physical", "module", "slide", "direct-map", "=", "=", "+", ",", "-", "0x", "9", "f", " ", " ", "--",
      "any",
      "18446744073709551615", "\u{0}", "é",
    ]
    for _ in 0..<2000 {
      let line = (0..<Int.random(in: 0..<12, using: &dice)).map { _ in pieces.randomElement(using: &dice) ?? "" }
        .joined()
      do {
        let parsed = try LoaderCommandLine(parsing: line)
        if parsed.kernelCommandLine.utf8.count > line.utf8.count { Issue.record("\(line)") }
      } catch {
        if !line.contains(error.word) { Issue.record("\(error.word) is no word of \(line)") }
      }
    }
  }
}
