public import Placement

/// Holds a stopped machine against a plan.
///
///     var verifier = Verifier(memory: machine.memory!)
///     verifier.compareMemory(with: plan, capsule: capsule, file: bytes)
///     verifier.compare(try machine.registers(), with: state)
///     verifier.compareTranslations(from: registers.cr3, with: plan.addressSpace)
public struct Verifier {
  public internal(set) var report = VerificationReport()
  let memory: GuestMemory

  public init(memory: GuestMemory) { self.memory = memory }
}

extension QEMUMachine {
  /// Compares every planned byte, every register of the entry state and every page of the address space, and asks
  /// QEMU's own walker for the ends of every mapping. The guest stands at the plan's entry.
  ///
  /// - Parameters:
  ///   - capsule: the layout of `file`, which holds the plan's bytes as they are expected in memory.
  /// - Throws: ``MachineError`` when the machine does not answer, or when the plan does not say the whole of the
  ///   processor's state; differences are in the report.
  public func verify(_ plan: LoadPlan, capsule: Capsule, file: RawSpan) throws(MachineError) -> VerificationReport {
    guard let memory else { throw MachineError.notConfigured("readable memory") }
    guard let state = plan.longMode else { throw MachineError.notConfigured("a plan that is entered in 64-bit mode") }
    var verifier = Verifier(memory: memory)
    verifier.compareMemory(with: plan, capsule: capsule, file: file)
    let registers = try registers()
    verifier.compare(registers, with: state)
    verifier.compareTranslations(from: registers.cr3, with: plan.addressSpace)
    try verifier.askWalker(of: self, about: plan.addressSpace)
    return verifier.report
  }
}
