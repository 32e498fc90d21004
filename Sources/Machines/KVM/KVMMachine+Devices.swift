import CHost

extension KVMMachine {
  /// Where the devices are: COM1; QEMU's `isa-debug-exit,iobase=0xf4`; PM1a_CNT of QEMU's `pc` machine
  /// (hw/acpi/piix4.c).
  private enum Port {
    static let serial: ClosedRange<UInt64> = 0x3f8...0x3ff
    static let debugExit: UInt64 = 0xf4
    static let powerManagement: UInt64 = 0x604
  }

  /// Answers an access to a port; the outcome where it ends the machine.
  func accessPort() throws(MachineError) -> Outcome? {
    let access = machine.access
    guard access.is_write != 0 else {
      machine.access.value = Port.serial.contains(access.address) ? UInt64(readSerial(access)) : .max
      return nil
    }
    switch access.address {
    case Port.serial:
      writeSerial(access)
    case Port.debugExit:
      // QEMU, hw/misc/debugexit.c: exit((value << 1) | 1), of which the system keeps eight bits.
      return .guestExited(status: Int32((access.value << 1 | 1) & 0xff), reason: "debug-exit")
    case Port.powerManagement where access.size >= 2 && access.value & 0x3c00 == 0x2000:
      // SLP_EN with SLP_TYP 0, which QEMU's tables call S5 (ACPI 6.5, 4.8.3.2.1).
      return .guestExited(status: 0, reason: "guest-shutdown")
    default: break
    }
    return nil
  }

  /// A wide access is one of bytes at successive ports.
  private func readSerial(_ access: perch_kvm_access) -> UInt32 {
    (0..<min(access.size, 4)).reduce(0) { value, index in
      value | UInt32(serial.read(access.address - Port.serial.lowerBound + UInt64(index))) << (8 * index)
    }
  }

  private func writeSerial(_ access: perch_kvm_access) {
    for index in 0..<access.size {
      let byte = UInt8(truncatingIfNeeded: access.value >> (8 * UInt64(index)))
      if serial.write(byte, to: access.address - Port.serial.lowerBound + UInt64(index)) { receive(byte) }
    }
  }

  /// A 16550 that is always ready to send and hears nothing but itself (National Semiconductor, PC16550D, 8.0).
  struct SerialPort {
    private var transmitted: [UInt8] = []
    private var lineControl: UInt8 = 0
    private var modemControl: UInt8 = 0
    private var scratch: UInt8 = 0
    /// What loopback has brought back and nobody has read.
    private var received: UInt8?

    private var hasDivisorLatch: Bool { lineControl & 0x80 != 0 }
    private var isLoopback: Bool { modemControl & 0x10 != 0 }

    /// The bytes sent since the last call.
    mutating func takeTransmitted() -> [UInt8] {
      defer { transmitted.removeAll(keepingCapacity: true) }
      return transmitted
    }

    mutating func read(_ register: UInt64) -> UInt8 {
      switch register {
      case 0 where !hasDivisorLatch:
        defer { received = nil }
        return received ?? 0
      case 3: return lineControl
      case 4: return modemControl
      // THRE and TEMT; DR.
      case 5: return 0x60 | (received == nil ? 0 : 1)
      case 7: return scratch
      default: return 0
      }
    }

    /// Returns whether the byte went out on the line.
    mutating func write(_ byte: UInt8, to register: UInt64) -> Bool {
      switch register {
      case 0 where hasDivisorLatch: break
      case 0 where isLoopback: received = byte
      case 0:
        transmitted.append(byte)
        return true
      case 3: lineControl = byte
      case 4: modemControl = byte
      case 7: scratch = byte
      default: break
      }
      return false
    }
  }
}
