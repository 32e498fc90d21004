import Addresses

@testable import Machines

/// Why there are no results, with all that guest and emulator said.
struct ProbeRunFailed: Error, CustomStringConvertible {
  var guest: ProbeGuest
  var outcome: Outcome
  var finishedSets: UInt64
  var setCount: Int
  var failure: UInt64
  var failureDetails: [UInt64]
  var serial: String
  var diagnostics: String

  var description: String {
    let details = failureDetails.map { "0x" + String($0, radix: 16) }.joined(separator: " ")
    return """
      the \(guest) probe guest: \(outcome), \(finishedSets) of \(setCount) sets, failure \(failure) (\(details))
      serial: \(serial.isEmpty ? "nothing" : serial)
      QEMU: \(diagnostics)
      """
  }
}

/// Starts a guest on a machine whose memory `fill` has prepared, and lets it make all probes until it powers off.
///
/// - Parameters:
///   - features: of the processor, as `-cpu` takes them: `la57=off`; `svpbmt=on`, `svnapot=on`.
///   - machineOptions: as `-machine` takes them: `virtualization=on`.
///   - fill: puts tables and marked frames into the memory, from ``ProbeGuest/free``.
///   - inspect: sees the memory afterwards.
///   - parked: for a guest whose last set says that it waits instead of powering off: gets the machine, paused there.
/// - Returns: the results of each set.
/// - Throws: ``ProbeRunFailed`` unless the guest has been through all sets; what the closures throw.
func runProbes(
  _ guest: ProbeGuest, memory size: ByteCount = .mebibytes(256), features: [String] = [],
  machineOptions: [String] = [], accelerator: Accelerator = .tcg, sets: [ProbeSet],
  fill: (GuestMemory) throws -> Void, inspect: (GuestMemory) throws -> Void = { _ in },
  parked: ((QEMUMachine) throws -> Void)? = nil
) throws -> [[ProbeResult]] {
  let configuration = try guest.configuration(
    memory: size, features: features, machineOptions: machineOptions, accelerator: accelerator)
  var serial = ""
  let machine = try QEMUMachine(configuration) { serial += String(decoding: $0, as: UTF8.self) }
  guard let memory = machine.memory else { throw MachineError.notConfigured("readable memory") }
  let mailbox = ProbeMailbox(guest: guest, memory: memory)
  try mailbox.post(sets)
  try fill(memory)
  try machine.resume()
  let outcome = try machine.follow { () throws(MachineError) in
    parked != nil && mailbox.finishedSets == UInt64(sets.count)
  }
  guard mailbox.failure == 0, mailbox.finishedSets == UInt64(sets.count), outcome.isEnd(whileParked: parked != nil)
  else { throw ProbeRunFailed(mailbox, sets, outcome, serial: serial, diagnostics: machine.process.diagnostics) }
  if let parked {
    try machine.pause()
    try parked(machine)
  }
  machine.end()
  try inspect(memory)
  return try mailbox.results(of: sets)
}

extension ProbeRunFailed {
  fileprivate init(
    _ mailbox: ProbeMailbox, _ sets: [ProbeSet], _ outcome: Outcome, serial: String, diagnostics: String
  ) {
    self.init(
      guest: mailbox.guest, outcome: outcome, finishedSets: mailbox.finishedSets, setCount: sets.count,
      failure: mailbox.failure, failureDetails: mailbox.failureDetails, serial: serial, diagnostics: diagnostics)
  }
}

extension Outcome {
  /// Whether a guest that has been through its sets ended as it should: parked (`follow` was stopped), or off.
  fileprivate func isEnd(whileParked: Bool) -> Bool {
    switch self {
    case .stoppedAtEntry: whileParked
    case .guestExited: !whileParked
    default: false
    }
  }
}
