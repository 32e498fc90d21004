import Addresses
import Machines

/// The mailbox of `Tests/ProbeGuests/probe.h` in a guest's memory.
struct ProbeMailbox {
  // Sizes and offsets in bytes.
  static let headerSize: UInt64 = 64
  static let setSize: UInt64 = 80
  static let probeSize: UInt64 = 48
  static let finishedSetsOffset: UInt64 = 16
  static let failureOffset: UInt64 = 24
  static let statusOffset: UInt64 = 24

  static let magic: UInt64 = 0x4542_4f52_5043_5250
  static let userFlag: UInt64 = 0x10
  static let writeFlag: UInt64 = 0x20
  /// The status of a probe that the guest has not come to: "NOT DONE".
  static let notDone: UInt64 = 0x454e_4f44_2054_4f4e

  let guest: ProbeGuest
  let memory: GuestMemory

  enum Problem: Error {
    case tooManySets(Int), tooManyProbes(Int), tooManyControlValues(Int)
    case outsideMemory(UInt64)
    case notDone(set: Int, probe: Int)
  }

  /// Writes the mailbox and all probes.
  func post(_ sets: [ProbeSet]) throws {
    guard Self.headerSize + UInt64(sets.count) * Self.setSize <= guest.probes - guest.mailbox else {
      throw Problem.tooManySets(sets.count)
    }
    var words = [Self.magic, UInt64(sets.count), 0, 0, 0, 0, 0, 0]
    var place = guest.probes
    for set in sets {
      guard set.control.count <= 8 else { throw Problem.tooManyControlValues(set.control.count) }
      guard UInt64(set.probes.count) <= (guest.free - place) / Self.probeSize else {
        throw Problem.tooManyProbes(set.probes.count)
      }
      words += set.control + [UInt64](repeating: 0, count: 8 - set.control.count)
      words += [UInt64(set.probes.count), place]
      try store(set.probes.flatMap(Self.words), at: place)
      place += UInt64(set.probes.count) * Self.probeSize
    }
    try store(words, at: guest.mailbox)
  }

  /// How many sets the guest has been through.
  var finishedSets: UInt64 { load(guest.mailbox + Self.finishedSetsOffset) }
  /// What went wrong besides probes, and four details; the first lines of the guest's `probe.c` say which.
  var failure: UInt64 { load(guest.mailbox + Self.failureOffset) }
  var failureDetails: [UInt64] { (1...4).map { load(guest.mailbox + Self.failureOffset + 8 * $0) } }

  /// Reads what the guest wrote down for sets that were posted.
  func results(of sets: [ProbeSet]) throws -> [[ProbeResult]] {
    var place = guest.probes + Self.statusOffset
    return try sets.enumerated().map { setIndex, set in
      try set.probes.indices.map { index in
        defer { place += Self.probeSize }
        let result = ProbeResult(status: load(place), value: load(place + 8), faultAddress: load(place + 16))
        guard result.status != Self.notDone else { throw Problem.notDone(set: setIndex, probe: index) }
        return result
      }
    }
  }

  static func words(_ probe: Probe) -> [UInt64] {
    let kind = probe.kind.rawValue | (probe.isUser ? userFlag : 0) | (probe.isWrite ? writeFlag : 0)
    return [probe.address, kind, probe.operand, notDone, 0, 0]
  }

  private func store(_ words: [UInt64], at address: UInt64) throws {
    for (index, word) in words.enumerated() {
      let place = address + 8 * UInt64(index)
      guard memory.storeEntry(word, at: PhysicalAddress(place)) else { throw Problem.outsideMemory(place) }
    }
  }

  /// Only what was posted is read, so that there is memory.
  private func load(_ address: UInt64) -> UInt64 { memory.loadEntry(at: PhysicalAddress(address)) ?? 0 }
}
