public import Addresses

extension QEMUMachine {
  /// Lets the guest run to an address, or until its console, its end or the clock says that it is over.
  ///
  /// The breakpoint is the processor's: no byte of the guest's memory is changed for it, and it works before the memory
  /// holds what it will hold when the address is reached.
  ///
  /// - Returns: ``Outcome/stoppedAtEntry`` when the guest stands there.
  public func run(to address: VirtualAddress) throws(MachineError) -> Outcome {
    let place = "\(String(address.value, radix: 16)),1"
    isDebuggerAttached = true
    try command("Z1,\(place)")
    // A stop by the monitor is reported here too, and came before the answer.
    while debuggerPackets.take(where: { $0.hasPrefix("T") }) != nil {}
    try sendPacket("c")
    let outcome = try follow { () throws(MachineError) in
      acknowledge()
      // `T` and `S` are stops; `W` and `X`, ends, are noticed on the monitor (GDB manual, appendix E.3).
      return debuggerPackets.take { $0.hasPrefix("T") || $0.hasPrefix("S") } != nil
    }
    if outcome == .stoppedAtEntry { try command("z1,\(place)") }
    return outcome
  }

  /// Leaves the guest to itself; it runs.
  func detachDebugger() throws(MachineError) {
    try command("D")
    isDebuggerAttached = false
  }

  /// Sends a packet and waits for its answer, which is no stop.
  func ask(_ body: String) throws(MachineError) -> String {
    guard let debugger = process.debugger else { throw MachineError.notConfigured("a debugger") }
    try sendPacket(body)
    return try expect(body, from: debugger, named: "debugger") { () throws(MachineError) in
      acknowledge()
      return debuggerPackets.take { !$0.hasPrefix("T") && !$0.hasPrefix("S") }
    }
  }

  /// Sends a packet that is answered with `OK`.
  func command(_ body: String) throws(MachineError) {
    let answer = try ask(body)
    guard answer == "OK" else {
      throw MachineError.unexpectedAnswer(
        channel: "debugger", to: body, found: answer.isEmpty ? "“not supported”" : answer)
    }
  }

  /// An emulator that ends says so (`W`) and does not wait to hear that it was heard.
  private func acknowledge() {
    let count = debuggerPackets.takeUnacknowledged()
    if count > 0 { _ = process.debugger?.send([UInt8](repeating: UInt8(ascii: "+"), count: count)) }
  }

  private func sendPacket(_ body: String) throws(MachineError) {
    guard let debugger = process.debugger else { throw MachineError.notConfigured("a debugger") }
    guard debugger.send(GDBPacket.encode(body)) else {
      throw MachineError.connectionLost(channel: "debugger", diagnostics: process.diagnostics)
    }
  }
}
