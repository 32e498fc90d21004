import AddressSpace
import Addresses
import BareMachine
import KernelEntry
import PageTables
import Processor

/// The bits that make the processor obey the page tables, and the tables as a whole.
struct ControlTests {
  let machine: Machine
  let audit: MapAudit

  func run(_ tests: inout SelfTests) {
    tests.report("a division by zero is caught and returned from", division())
    tests.report("CR0.WP and EFER.NXE are set", protections())
    tests.report(userProtection, nothingIsUsers())
    tests.report("every mapping is what was asked for", audit.disagreements.isEmpty, else: audit.disagreements[0])
    tests.report("nothing is writable and executable", writableCode())
  }

  private func division() -> SelfTests.Outcome {
    guard let caught = Exceptions.catching(resumingAt: probe_over_address(), { probe_divide() }) else {
      return .failed("nothing arrived")
    }
    return caught.vector == ExceptionName.divideError ? .passed : .failed("vector \(caught.vector) arrived")
  }

  private func protections() -> SelfTests.Outcome {
    guard read_cr0() & 1 << 16 != 0 else { return .failed("CR0 is \(Text.hexadecimal(read_cr0()))") }
    return LiveTables.efer & 1 << 11 != 0 ? .passed : .failed("EFER is \(Text.hexadecimal(LiveTables.efer))")
  }

  /// CR4's bits (Intel SDM vol. 3A, 2.5).
  private var userProtection: Line {
    let cr4 = read_cr4()
    func state(_ name: StaticString, _ bit: UInt64) -> Line {
      "\(constant: name) \(cr4 >> bit & 1 == 1 ? "on" : "off")"
    }
    return "\(state("SMEP", 20)), \(state("SMAP", 21)), \(state("UMIP", 11)); nothing is mapped for users"
  }

  private func nothingIsUsers() -> SelfTests.Outcome {
    // With SMEP or SMAP on, a page of the user's would not even be the supervisor's.
    guard let run = audit.runs.first(where: { $0.rights.isUser }) else { return .passed }
    return .failed(run.line)
  }

  private func writableCode() -> SelfTests.Outcome {
    guard let run = audit.runs.first(where: { $0.rights.isWritableAndExecutable }) else { return .passed }
    guard let reason = run.owner?.access.reason else { return .failed(run.line) }
    return .waived("\(run.ownersName) is \(reason)")
  }
}
