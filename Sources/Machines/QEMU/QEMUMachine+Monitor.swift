public import Addresses

extension QEMUMachine {
  /// Waits for the monitor's greeting and leaves negotiation mode (QEMU, docs/interop/qmp-spec.txt, 2.2 and 4).
  func openMonitor() throws(MachineError) {
    do {
      _ = try expect("the greeting", from: process.monitor, named: "monitor") { () throws(MachineError) in
        monitorMessages.take { $0["QMP"] != nil }
      }
      _ = try execute("qmp_capabilities")
    } catch .connectionLost {
      let status = process.waitForExit()
      throw MachineError.startFailed(status: status, diagnostics: process.diagnostics)
    }
  }

  /// Lets a stopped guest run, without watching it.
  func resume() throws(MachineError) {
    do {
      if isDebuggerAttached { try detachDebugger() } else { try execute("cont") }
    } catch .connectionLost {
      // A guest can end before the emulator says that it runs. Whoever follows it sees how.
    }
  }

  /// Stops the guest where it is.
  public func pause() throws(MachineError) { _ = try execute("stop") }

  /// Asks QEMU's human monitor: "info registers", "xp /4gx 0x1000".
  public func monitor(_ command: String) throws(MachineError) -> String {
    let answer = try execute(
      "human-monitor-command", arguments: "{\"command-line\":\(JSONValue.string(command).text)}")
    guard case .string(let text) = answer else {
      throw MachineError.unexpectedAnswer(channel: "monitor", to: command, found: answer.text)
    }
    return text
  }

  /// The registers of the first processor.
  public func registers() throws(MachineError) -> RegisterDump {
    let text = try monitor("info registers")
    guard let dump = RegisterDump(parsing: text) else {
      throw MachineError.unexpectedAnswer(channel: "monitor", to: "info registers", found: String(text.prefix(200)))
    }
    return dump
  }

  /// Where QEMU's own page walker finds a virtual address; nil where it finds nothing.
  public func physicalAddress(of address: VirtualAddress) throws(MachineError) -> PhysicalAddress? {
    let command = "gva2gpa 0x\(String(address.value, radix: 16))"
    let text = try monitor(command)
    if text.contains("Unmapped") { return nil }
    // QEMU prints the number with C's `%#x`, which leaves the prefix of 0 away.
    guard let number = text.split(separator: "gpa: ").last,
      case let digits = (number.hasPrefix("0x") ? number.dropFirst(2) : number).prefix(while: \.isHexDigit),
      let value = UInt64(digits, radix: 16), let physical = try? PhysicalAddress(checking: value)
    else { throw MachineError.unexpectedAnswer(channel: "monitor", to: command, found: String(text.prefix(200))) }
    return physical
  }

  /// Sends a command and waits for its answer.
  @discardableResult
  func execute(_ command: String, arguments: String? = nil) throws(MachineError) -> JSONValue {
    let tail = arguments.map { ",\"arguments\":\($0)" } ?? ""
    guard process.monitor.send(Array("{\"execute\":\"\(command)\"\(tail)}\n".utf8)) else {
      throw MachineError.connectionLost(channel: "monitor", diagnostics: process.diagnostics)
    }
    let answer = try expect(command, from: process.monitor, named: "monitor") { () throws(MachineError) in
      monitorMessages.take { $0["return"] != nil || $0["error"] != nil }
    }
    guard let result = answer["return"] else {
      throw MachineError.unexpectedAnswer(channel: "monitor", to: command, found: answer.text)
    }
    return result
  }

  /// Keeps what matters of the events that nobody asked for (qapi/run-state.json, SHUTDOWN), and drops the others.
  func noteEvents() throws(MachineError) {
    while let event = monitorMessages.take(where: { $0["event"] != nil }) {
      guard case .string("SHUTDOWN") = event["event"], case .string(let reason) = event["data"]?["reason"] else {
        continue
      }
      shutdownReason = reason
    }
  }
}
