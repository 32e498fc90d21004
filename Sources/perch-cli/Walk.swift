import AddressSpace
import Addresses
import ArgumentParser
import Machines
import PageTables
import Reporting

/// `perch walk SOURCE [ADDRESS]`
struct Walk: ReportingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read page tables from a memory dump: all runs, or one address level by level.",
    usage: """
      perch walk CORE [ADDRESS] [options]
      perch walk --memory FILE@PHYSICAL ... REGISTERS [ADDRESS] [options]
      """,
    discussion: """
      CORE is an ELF core of QEMU's dump-guest-memory; of x86 it also holds the
      registers. Raw memory is FILE, which starts at physical 0, or
      FILE@PHYSICAL[+OFFSET][:SIZE]: SIZE bytes of the file, from OFFSET on,
      stand at PHYSICAL. REGISTERS are --mode and --cr3; or --tcr and --ttbr0,
      --ttbr1 or both; or --satp. They go before those of a core.

      The exit status is 1 where ADDRESS is not translated.
      """)

  @Argument(help: "A core, or raw memory from physical 0.", completion: .file())
  var source: String?

  @Argument(help: "The virtual address to translate.")
  var address: NumberArgument?

  @Option(help: ArgumentHelp("Raw memory; may be repeated.", valueName: "file@physical"))
  var memory: [MemoryArgument] = []

  @Option(help: ArgumentHelp("Most runs to show; all are counted.", valueName: "runs"))
  var limit = 10_000

  @Option(help: ArgumentHelp("Most tables to enter.", valueName: "tables"))
  var tableLimit = VisitSummary.tableLimit

  @OptionGroup(title: "Registers")
  var options: WalkOptions

  @OptionGroup(title: "Output options")
  var output: LineOutputOptions

  /// As many runs as a report holds in about 2 GB.
  private static let greatestLimit = 1_000_000

  func validate() throws {
    if memory.isEmpty, source == nil { throw ValidationError("Give a core, or --memory.") }
    if !memory.isEmpty, source != nil, address != nil || target == nil {
      throw ValidationError("Beside --memory stands at most an address.")
    }
    guard (0...Self.greatestLimit).contains(limit), tableLimit > 0 else {
      throw ValidationError("--limit is at most \(Self.greatestLimit), --table-limit at least 1")
    }
    if output.format == .lines, target != nil {
      throw ValidationError("--format lines is a line for each run: give no address")
    }
  }

  func run() throws {
    let channels = Channels(color: output.color)
    let source = try WalkSource(memory.isEmpty ? self.source.flatMap(MemoryArgument.init).map { [$0] } ?? [] : memory)
    let context = try source.context(options)
    guard let target else {
      let tables = Progress.step("Walking the tables", channels: channels) { visit(context, source.memory) }
      let report = RunsReport(context, tables)
      return try output.print(report.document, lines: report.lines, about: source.input)
    }
    let root = context.root(of: target)
    let translation = root.translate(target, in: source.memory)
    try output.print(TranslationReport(context, root: root, translation).document, lines: [], about: source.input)
    if case .fault = translation.outcome { throw ExitStatus.findings.code }
  }

  /// The address; beside --memory the only word there may be.
  private var target: VirtualAddress? {
    let number = memory.isEmpty ? address : source.flatMap { NumberArgument(argument: $0) }
    return number.map { VirtualAddress($0.value) }
  }

  /// Visits root after root; the limit of runs is one for all.
  private func visit(_ context: WalkContext, _ memory: MemoryImage) -> [VisitedTables] {
    var left = limit
    return context.roots.map { root in
      var found = RunCollector(limit: left)
      let summary = root.visit(memory, tableLimit: tableLimit, &found)
      left -= found.runs.count
      return VisitedTables(root: root, found: found, summary: summary)
    }
  }
}

extension WalkContext {
  /// The root whose tables translate an address: on AArch64, bit 55 chooses (Arm ARM, D8.2.4).
  fileprivate func root(of address: VirtualAddress) -> Root {
    let isUpper = address.value >> 55 & 1 == 1
    return roots.first { $0.format.mode.addressForm == (isUpper ? .oneExtended : .zeroExtended) } ?? roots[0]
  }
}

extension WalkContext.Root {
  /// Visits with the mode's own format, which is faster than that of any mode.
  fileprivate func visit(_ memory: MemoryImage, tableLimit: Int, _ found: inout RunCollector) -> VisitSummary {
    func visit(_ format: some TableFormat) -> VisitSummary {
      TranslationTables(format: format, memory: memory, root: address).visit(tableLimit: tableLimit, &found)
    }
    switch format {
    case .i386(let format): return visit(format)
    case .pae(let format): return visit(format)
    case .x86_64(let format): return visit(format)
    case .aarch64(let format): return visit(format)
    case .riscv(let format): return visit(format)
    }
  }

  fileprivate func translate(_ target: VirtualAddress, in memory: MemoryImage) -> Translation {
    TranslationTables(format: format, memory: memory, root: address).translate(target)
  }
}
