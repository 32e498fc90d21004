import Addresses
import Machines
import TestSupport
import Testing

/// A kernel that ran in QEMU, dumped by `dump-guest-memory`: the tables in the core are what the plan promised.
@Suite(.serialized) struct WalkDumpTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Boots a kernel until its console says `end`, and has QEMU write a core.
  func dump(
    _ kernel: String, to core: String, end: Regex<AnyRegexOutput>, memory: ByteCount, arguments: [String] = []
  ) throws {
    var configuration = QEMUConfiguration(
      kernel: .path(kernel), memory: memory, accelerator: .tcg, timeLimit: .seconds(120))
    configuration.extraArguments = arguments
    let machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: end))
    defer { machine.end() }
    guard case .matched = try machine.run() else {
      Issue.record("the guest ended at \(machine.console.lastLine)")
      return
    }
    try machine.pause()
    #expect(try machine.monitor("dump-guest-memory \(core)") == "")
  }

  /// 0x390000 is not congruent to the link address modulo 2 MiB.
  @Test(arguments: [[], ["--physical", "0x390000"]])
  func theCoreOfAPlannedKernelHasThePlansMappings(place: [String]) throws {
    let kernel = try TinyKernel.higherHalf.path()
    let capsule = folder.path("capsule.elf")
    let core = folder.path("core")
    #expect(try PerchTool.run(["pack", kernel, "-o", capsule] + place).status == 0)
    try dump(capsule, to: core, end: Regex(/^done/), memory: .mebibytes(512))
    let plan = try JSONDocument(parsing: PerchTool.run(["plan", kernel, "--format", "json"] + place).output)
    let run = try PerchTool.run(["walk", core, "--format", "json"])
    #expect(run.status == 0, "\(run.errors)")
    let json = try JSONDocument(parsing: run.output)
    #expect(try Schemas.load("walk-1.0").violations(in: json) == [])
    #expect(json["result"]["roots"].elements.first?["value"] == plan["result"]["entry"]["cr3"])
    #expect(json["result"]["roots"].elements.first?["mode"] == .string("x86-64"))
    #expect(
      json["result"]["settings"].elements.contains { $0["name"] == .string("EFER.NXE") && $0["assumed"] == .bool(true) }
    )
    try compare(json["result"]["runs"].elements, plan["result"]["mappings"].elements)
    let entry = try #require(plan["result"]["entry"]["rip"].string)
    let address = try PerchTool.run(["walk", core, entry])
    #expect(address.status == 0, "\(address.errors)")
    #expect(address.output.contains("r-x"))
    #expect(try PerchTool.run(["walk", core, "0x1000"]).status == 1)
    #expect(try PerchTool.run(["walk", core, "--cpu", "1"]).status == 2)
  }

  /// Every run lies in mappings of the same rights and place, and together they are as long as all mappings.
  func compare(_ runs: [JSONDocument], _ mappings: [JSONDocument]) throws {
    var size = 0.0
    for run in runs {
      let start = try #require(run["virtual"]["start"].address)
      let mapping = try #require(mappings.last { $0["virtual"]["start"].address ?? .max <= start })
      let distance = start - (mapping["virtual"]["start"].address ?? 0)
      #expect(Double(distance) < mapping["virtual"]["size"].number ?? 0)
      #expect(run["physical"]["start"].address == mapping["physical"]["start"].address.map { $0 + distance })
      #expect(run["supervisor"] == mapping["access"])
      #expect(run["user"] == .string("---"))
      size += run["virtual"]["size"].number ?? 0
    }
    #expect(size == mappings.reduce(0) { $0 + ($1["virtual"]["size"].number ?? 0) })
  }

  /// Debian's kernel at its panic: what everybody's dump looks like.
  @Test(.enabled(if: DebianKernel.cloud.isExpected))
  func aDumpOfAWholeMachineIsWalkedAtOnce() throws {
    let core = folder.path("core")
    try dump(
      DebianKernel.cloud.path, to: core, end: Regex(/end Kernel panic/), memory: .mebibytes(256),
      arguments: ["-append", "console=ttyS0 panic=0"])
    let run = try PerchTool.run(["walk", core], seconds: 10)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("x86-64, five levels"))
    // The kernel's text, in 2 MiB pages of the top 2 GiB, and nothing for users.
    #expect(run.output.contains(/0xffffffff[0-9a-f]{8}-0xffffffff[0-9a-f]{8} +[0-9.]+ MiB .* × 2 MiB +[r-][w-]x/))
    #expect(!run.output.contains("problem"))
  }
}
