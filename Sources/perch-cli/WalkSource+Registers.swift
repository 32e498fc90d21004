import AddressSpace
import Addresses
import KernelImage
import Machines
import PageTables
import Reporting

extension WalkSource {
  /// What the walk starts from: registers of the command line, else of the core.
  func context(_ options: WalkOptions) throws(Failure) -> WalkContext {
    let context =
      switch options.family ?? coreFamily {
      case .x86: try x86(options)
      case .aarch64: try aarch64(options)
      case .riscv: try riscv(options)
      case nil:
        throw missing("raw memory holds no registers", "give --mode and --cr3; --tcr and --ttbr0, --ttbr1; or --satp")
      }
    for root in context.roots where memory.loadEntry(at: PhysicalAddress(unchecked: root.address.value & ~7)) == nil {
      throw Failure(
        .unreadableInput,
        Diagnostic(
          code: 302, "the root table lies outside memory", at: .init(path: input.path, place: root.register),
          evidence: ["\(root.register) is \(Hex.string(root.value)): a table at \(Hex.string(root.address.value))"]
            + extent,
          helps: ["check the register, and --memory FILE@PHYSICAL, which says where a file's first byte stands"]))
    }
    return context
  }

  /// A command line that does not go with the memory it names.
  private func missing(_ sentence: String, _ help: String) -> Failure {
    Failure(.usage, Diagnostic(code: 303, sentence, at: .init(path: input.path), helps: [help]))
  }

  /// The first and the last byte that there are.
  private var extent: [String] {
    guard let first = pieces.first, let last = pieces.last?.physical.last else { return ["there is no memory"] }
    let count = pieces.count == 1 ? "one piece" : "\(pieces.count) pieces"
    return ["memory:  \(count) from \(Hex.string(first.physical.start.value)) to \(Hex.string(last.value))"]
  }

  private var coreFamily: WalkOptions.Family? {
    switch memory.machine {
    case .x86_64, .i386: .x86
    case .aarch64: .aarch64
    case .riscv: .riscv
    default: nil
    }
  }

  /// The chosen processor of a core.
  private func processor(_ number: Int) throws(Failure) -> DumpRegisters.System? {
    guard !memory.processors.isEmpty else { return nil }
    guard memory.processors.indices.contains(number) else {
      throw missing("the core has no processor \(number)", "it has \(memory.processors.count), counted from 0")
    }
    guard case .x86(let registers) = memory.processors[number] else { return nil }
    return registers.system
  }

  private func x86(_ options: WalkOptions) throws(Failure) -> WalkContext {
    let system = try processor(options.cpu)
    let cr0 = options.cr0.first?.value ?? system?.cr0
    let cr4 = options.cr4.first?.value ?? system?.cr4
    guard let cr3 = options.cr3.first?.value ?? system?.cr3 else {
      let source = memory.machine == nil ? "raw memory" : "the core"
      throw missing("\(source) does not hold CR3", "give --cr3")
    }
    guard let mode = options.mode ?? coreMode(cr4) else {
      throw missing("CR3 alone does not say the mode", "give --mode i386, pae, x86-64 or x86-64-la57")
    }
    if let cr0, cr0 & 1 << 31 == 0 {
      throw Failure(RegisterError("CR0", "PG", 0, allowed: "1: paging is on"), path: input.path)
    }
    let controls = X86Controls(cr0: cr0, cr4: cr4, efer: options.efer.first?.value)
    let (format, mask) = mode.x86(controls)
    let root = WalkContext.Root(
      register: "CR3", value: cr3, address: PhysicalAddress(truncating: cr3 & mask), format: format)
    return WalkContext(
      pieces: pieces, roots: [root],
      settings: controls.settings(mode, knowsCR0: cr0 != nil, knowsCR4: cr4 != nil, knowsEFER: !options.efer.isEmpty),
      memoryTypes: .pat(options.pat.first?.value),
      remarks: memory.machine == nil || mode == .i386 || !options.efer.isEmpty
        ? [] : ["a core does not hold EFER: that NX is enabled is assumed; --efer says it"])
  }

  /// QEMU names the machine by EFER.LMA.
  private func coreMode(_ cr4: UInt64?) -> WalkOptions.Mode? {
    guard let cr4 else { return nil }
    switch memory.machine {
    case .x86_64: return cr4 & 1 << 12 == 0 ? .x86_64 : .x86_64LA57
    case .i386: return cr4 & 1 << 5 == 0 ? .i386 : .pae
    default: return nil
    }
  }

  private func aarch64(_ options: WalkOptions) throws(Failure) -> WalkContext {
    guard let tcr = options.tcr.first?.value else {
      throw missing("a core of AArch64 holds no TCR_EL1", "give --tcr, and --ttbr0, --ttbr1 or both")
    }
    let sctlr = options.sctlr.first?.value
    let registers = AArch64Registers(
      tcr: tcr, ttbr0: options.ttbr0.first?.value ?? 0, ttbr1: options.ttbr1.first?.value ?? 0,
      mair: options.mair.first?.value ?? AArch64Controls.plannedMemoryAttributes, sctlr: sctlr ?? 1)
    var halves: [AArch64Paging.Half] = options.ttbr0.isEmpty ? [] : [.lower]
    if !options.ttbr1.isEmpty { halves.append(.upper) }
    let walked = halves.filter { !registers.isDisabled($0) }
    let roots = try (walked.isEmpty ? halves : walked).map { half throws(Failure) in
      do throws(RegisterError) { return try registers.root(half) } catch { throw Failure(error, path: input.path) }
    }
    return WalkContext(
      pieces: pieces, roots: roots,
      settings: [
        .init("TCR_EL1", tcr, isAssumed: false),
        .init("SCTLR_EL1.WXN", (sctlr ?? 0) >> 19 & 1, isAssumed: sctlr == nil),
        .init("PSTATE.PAN", 0, isAssumed: true),
      ], memoryTypes: .mair(options.mair.first?.value),
      remarks: halves.filter(registers.isDisabled).map {
        $0 == .lower
          ? "the lower half is not walked: TCR_EL1.EPD0 is 1" : "the upper half is not walked: TCR_EL1.EPD1 is 1"
      })
  }

  private func riscv(_ options: WalkOptions) throws(Failure) -> WalkContext {
    guard let satp = options.satp.first?.value else {
      throw missing("a core of RISC-V holds no satp", "give --satp")
    }
    let registers = RISCVRegisters(satp: satp)
    let paging: RISCVPaging
    do throws(RegisterError) { paging = try registers.paging() } catch { throw Failure(error, path: input.path) }
    if let mode = options.mode, mode.rawValue != "sv\(paging.rawValue)" {
      throw missing("--mode \(mode.rawValue) contradicts --satp", "MODE of satp is Sv\(paging.rawValue)")
    }
    let root = WalkContext.Root(
      register: "satp", value: satp, address: registers.root, format: .riscv(RISCVFormat(paging)))
    return WalkContext(
      pieces: pieces, roots: [root],
      settings: [
        .init("sstatus.SUM", 0, isAssumed: true), .init("sstatus.MXR", 0, isAssumed: true),
        .init("menvcfg.ADUE", 0, isAssumed: true), .init("menvcfg.PBMTE", 1, isAssumed: true),
      ], memoryTypes: .pbmt)
  }
}

extension AArch64Registers {
  fileprivate func root(_ half: AArch64Paging.Half) throws(RegisterError) -> WalkContext.Root {
    let (format, root) = try tables(of: half)
    return WalkContext.Root(
      register: half == .lower ? "TTBR0_EL1" : "TTBR1_EL1", value: half == .lower ? ttbr0 : ttbr1, address: root,
      format: .aarch64(format))
  }
}

extension WalkOptions.Mode {
  /// The format, and the bits of CR3 that are the root's address (Intel SDM vol. 3A, tables 4-3, 4-7 and 4-12).
  fileprivate func x86(_ controls: X86Controls) -> (PagingFormat, UInt64) {
    switch self {
    case .i386: (.i386(I386Format(controls: controls)), 0xffff_f000)
    case .pae: (.pae(PAEFormat(controls: controls)), 0xffff_ffe0)
    default: (.x86_64(X86_64Format(fiveLevels: self == .x86_64LA57, controls: controls)), 0x000f_ffff_ffff_f000)
    }
  }
}

extension X86Controls {
  /// What is known; the rest as a processor that can do everything has it.
  fileprivate init(cr0: UInt64?, cr4: UInt64?, efer: UInt64?) {
    let (writeProtect, largePages, noExecute) = (1 << 16 as UInt64, 1 << 4 as UInt64, 1 << 11 as UInt64)
    self.init(cr0: cr0 ?? writeProtect, cr4: cr4 ?? largePages, efer: efer ?? noExecute)
  }

  fileprivate func settings(
    _ mode: WalkOptions.Mode, knowsCR0: Bool, knowsCR4: Bool, knowsEFER: Bool
  ) -> [WalkContext.Setting] {
    func bit(_ flag: Bool) -> UInt64 { flag ? 1 : 0 }
    var settings: [WalkContext.Setting] = [
      .init("CR0.WP", bit(writeProtect), isAssumed: !knowsCR0),
      .init("CR4.SMEP", bit(preventsExecution), isAssumed: !knowsCR4),
      .init("CR4.SMAP", bit(preventsAccess), isAssumed: !knowsCR4),
    ]
    if mode == .i386 {
      settings.append(.init("CR4.PSE", bit(largePages), isAssumed: !knowsCR4))
    } else {
      settings.append(.init("EFER.NXE", bit(noExecuteEnabled), isAssumed: !knowsEFER))
    }
    return settings
  }
}

extension Failure {
  /// A register from which nothing can be walked.
  init(_ error: RegisterError, path: String) {
    self.init(
      .unreadableInput,
      Diagnostic(
        code: 301, "\(error.register).\(error.field) selects no translation that Perch walks", at: .init(path: path),
        evidence: ["found:   \(Hex.string(error.value))", "allowed: \(error.allowed)"]))
  }
}
