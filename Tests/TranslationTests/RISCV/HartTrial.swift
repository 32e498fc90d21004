import Addresses
import PageTables

@testable import Machines

/// Accesses under one state of the hart, with what a model without tables and Perch's walk of the tables say of each.
struct HartTrial {
  struct Entry {
    var access: HartAccess
    var expected: HartOutcome
    var resolved: HartOutcome
    /// Where the model says that the address leads, also where the access is forbidden.
    var physical: UInt64?
  }

  let state: HartState
  let name: String
  private(set) var entries: [Entry]

  init(_ name: String, state: HartState, entries: [Entry]) {
    self.name = name
    self.state = state
    self.entries = entries
  }

  /// All kinds of accesses near all addresses, but not near those of the guest's own code: QEMU 7.2 keeps one TLB for
  /// M-mode's fetches and for its loads and stores under MPRV, so that these find the code whatever the tables say.
  init(
    _ name: String, state: HartState, near addresses: [UInt64], memory: some TableMemory,
    model: (UInt64) -> ModelByte?
  ) {
    self.init(
      name, state: state,
      entries: addresses.filter { !HartRAM.guest.contains($0) }.flatMap(HartAccess.all).map { access in
        let byte = model(access.address)
        return Entry(
          access: access, expected: state.expected(access, at: byte),
          resolved: state.resolved(access, in: memory), physical: byte?.physical)
      })
  }

  func disagreement(_ entry: Entry, _ what: String, _ found: some CustomStringConvertible) -> String {
    let address = "0x" + String(entry.access.address, radix: 16)
    return """
      \(name), SUM \(state.sum), MXR \(state.mxr): \(entry.access.kind) \(entry.access.isUser ? "U" : "S") \
      of \(address): expected \(entry.expected), \(what) \(found)
      """
  }
}

/// Tables at their place, to be copied into a guest's memory.
struct PlacedTables {
  var base: UInt64
  var bytes: [UInt8]
}

/// What a hart, Perch and the model said.
struct HartVerdict {
  /// Where they do not agree.
  var disagreements: [String] = []
  /// How often the model says that an access works, and that it does not.
  var reached = 0
  var faulted = 0

  /// The first few, for a message.
  var summary: String { "\(disagreements.count): \(disagreements.prefix(8).joined(separator: "\n"))" }
}

/// Lets a hart make all accesses of all trials, in order, and compares.
struct HartJudge {
  var trials: [HartTrial]
  var tables: [PlacedTables]
  /// Of the processor: `svpbmt=on`, `svnapot=on`.
  var features: [String] = []
  private(set) var verdict = HartVerdict()
  /// What the stores that should work leave behind, by physical address; 0 where none does.
  private var stored: [UInt64: UInt64] = [:]

  init(trials: [HartTrial], tables: [PlacedTables], features: [String] = []) {
    self.trials = trials
    self.tables = tables
    self.features = features
  }

  /// What lies at a physical address that is loaded or executed: `ecall`, and above it the address, in words.
  static func mark(_ physical: UInt64) -> UInt64 { (physical >> 3) << 32 | 0x73 }

  mutating func judge() throws -> HartVerdict {
    var sets: [ProbeSet] = []
    for trial in trials { sets.append(probes(of: trial)) }
    var found: [UInt64: UInt64] = [:]
    let results = try runProbes(
      .riscv64, memory: HartRAM.size, features: features, sets: sets, fill: fill,
      inspect: { memory in
        for place in stored.keys { found[place] = memory.loadEntry(at: PhysicalAddress(place)) }
      })
    for (trial, results) in zip(trials, results) {
      for (entry, result) in zip(trial.entries, results) { compare(entry, result, of: trial) }
    }
    for (place, value) in stored where found[place] != value {
      verdict.disagreements.append(
        "0x\(String(place, radix: 16)) should hold store \(value) and holds \(found[place] ?? .max)")
    }
    return verdict
  }

  /// The probes of a trial; notes what its stores should do.
  private mutating func probes(of trial: HartTrial) -> ProbeSet {
    var probes: [Probe] = []
    for entry in trial.entries {
      let access = entry.access
      // Each store has a number of its own.
      let number = UInt64(verdict.reached + verdict.faulted + 1)
      if case .reaches(let physical) = entry.expected {
        verdict.reached += 1
        if access.kind == .store { stored[physical] = number }
      } else {
        verdict.faulted += 1
        if access.kind == .store, let physical = entry.physical, HartRAM.contains(physical) {
          stored[physical, default: 0] += 0
        }
      }
      probes.append(Probe(address: access.address, kind: access.kind, isUser: access.isUser, operand: number))
    }
    return ProbeSet(control: trial.state.control, probes: probes)
  }

  private func fill(_ memory: GuestMemory) throws {
    for table in tables { memory.copy(table.bytes, to: table.base) }
    var marked: Set<UInt64> = []
    for trial in trials {
      for entry in trial.entries where entry.access.kind != .store {
        guard let physical = entry.physical, HartRAM.contains(physical), marked.insert(physical).inserted else {
          continue
        }
        memory.storeEntry(Self.mark(physical), at: PhysicalAddress(physical))
      }
    }
  }

  private mutating func compare(_ entry: HartTrial.Entry, _ result: ProbeResult, of trial: HartTrial) {
    if entry.resolved != entry.expected {
      verdict.disagreements.append(trial.disagreement(entry, "Perch says that it", entry.resolved))
    }
    switch entry.expected {
    case .faults(let cause):
      // mtval is the address.
      guard result.status == 1 << 63 | cause, result.faultAddress == entry.access.address else { break }
      return
    case .reaches(let physical):
      let value: UInt64? =
        switch entry.access.kind {
        case .load, .translate: Self.mark(physical)
        case .execute: entry.access.isUser ? 8 : 9
        case .store: nil
        }
      guard result.status == 0, value == nil || result.value == value else { break }
      return
    }
    verdict.disagreements.append(
      trial.disagreement(
        entry, "the hart has",
        "status 0x\(String(result.status, radix: 16)), value 0x\(String(result.value, radix: 16)), mtval "
          + "0x\(String(result.faultAddress, radix: 16))"))
  }
}

extension GuestMemory {
  /// Copies bytes that lie in memory whole, faster than one by one.
  func copy(_ bytes: [UInt8], to address: UInt64) {
    guard let start = fileOffset(of: PhysicalAddress(address), count: UInt64(bytes.count)) else {
      preconditionFailure("tables lie in memory")
    }
    file.withMutableBytes { span in
      span.withUnsafeMutableBytes { memory in
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: memory[start...]).copyMemory(from: $0) }
      }
    }
  }
}
