public import Addresses
public import BootProtocols
import KernelImage

extension GuestMemory: BootMemory {
  public func loadByte(at address: PhysicalAddress) -> UInt8? {
    withBytes(of: PhysicalRange(uncheckedStart: address, count: ByteCount(1))) { $0.load(UInt8.self, at: 0) } ?? nil
  }
}

extension QEMUMachine {
  /// Reads what a loader is told; the guest stands at the loader's first instruction.
  ///
  /// - Throws: ``MachineError``, also where nothing at EBX can be read as boot information.
  public func bootEnvironment() throws(MachineError) -> BootEnvironment {
    guard let memory else { throw MachineError.notConfigured("readable memory") }
    let registers = try registers().general
    do throws(ParseError) {
      return try BootEnvironment(
        eax: UInt32(truncatingIfNeeded: registers.rax), ebx: UInt32(truncatingIfNeeded: registers.rbx), memory: memory)
    } catch {
      throw MachineError.unexpectedAnswer(channel: "guest", to: "its boot information", found: error.sentence)
    }
  }
}
