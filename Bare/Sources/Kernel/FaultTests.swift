import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import KernelEntry
import PageTables

/// Accesses that the page tables must not allow. The error codes are the processor's (Intel SDM vol. 3A, 4.7): bit 0,
/// the page is present; bit 1, a write; bit 4, an execution.
struct FaultTests {
  let machine: Machine

  func run(_ tests: inout SelfTests) {
    let text = VirtualAddress(UInt64(_start_address()))
    let constants = VirtualAddress(UInt64(constants_start_address()))
    let data = VirtualAddress(UInt64(code_in_data_address()))
    let page = ByteCount.kibibytes(4)
    tests.report("write to text faults", refused(.write, at: text, code: 3))
    tests.report("write to read-only data faults", refused(.write, at: constants, code: 3))
    tests.report("execute from data faults", refused(.execute, at: data, code: 0x11))
    tests.report(
      "execute from the stack faults",
      refused(.execute, at: VirtualAddress(machine.information.stackTop.value - page.value), code: 0x11))
    let inDirectMap = machine.tables.physical(data).map { machine.memory.virtual($0) }
    tests.report("execute from the direct map faults", refused(.execute, at: inDirectMap ?? data, code: 0x11))
    tests.report("read of the guard page faults", refused(.read, at: machine.information.stackGuard, code: 0))
    tests.report("page 0 faults", refused(.read, at: VirtualAddress(0), code: 0))
    let low = VirtualAddress(machine.information.kernelPhysicalBase.value)
    tests.report("the kernel's physical address is no virtual one", refused(.read, at: low, code: 0))
  }

  private enum Attempt { case read, write, execute }

  /// Passes where the access raises a page fault with this code, at this address.
  private func refused(_ attempt: Attempt, at address: VirtualAddress, code: UInt64) -> SelfTests.Outcome {
    let place = UInt(address.value)
    if attempt != .read, let reason = machine.space.mapping(at: address)?.access.reason { return .waived(reason) }
    let caught = Exceptions.catching(resumingAt: probe_over_address()) {
      switch attempt {
      case .read: probe_read(place)
      case .write: probe_write(place)
      case .execute: probe_execute(place)
      }
    }
    guard let caught else { return .failed("it was allowed at \(Text.hexadecimal(address.value))") }
    guard caught.vector == ExceptionName.pageFault, caught.errorCode == code, caught.address == address else {
      return .failed(
        "vector \(caught.vector), error code \(Text.hexadecimal(caught.errorCode)) at "
          + "\(Text.hexadecimal(caught.address.value)), not \(Text.hexadecimal(code)) at "
          + Text.hexadecimal(address.value)
      )
    }
    return .passed
  }
}

extension Access {
  /// Why a page is writable and executable, where it is.
  var reason: Line? {
    guard case .readWriteExecute(let reason) = self else { return nil }
    switch reason {
    case .segmentFlags: return "writable and executable: the segment's p_flags are rwx"
    case .sharedPage: return "writable and executable: segments with different rights share the page"
    case .bootProtocol: return "writable and executable: the boot protocol wants it"
    }
  }
}

extension TranslationTables {
  /// Where an address leads; nil where nothing is mapped.
  func physical(_ address: VirtualAddress) -> PhysicalAddress? {
    guard case .mapped(let byte) = resolve(address) else { return nil }
    return byte.physical
  }
}
