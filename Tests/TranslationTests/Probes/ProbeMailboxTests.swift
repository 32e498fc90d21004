import Foundation
import TestSupport
import Testing

@testable import Machines

@Suite struct ProbeMailboxTests {
  private static let compiler = "/usr/bin/cc"

  /// The header, compiled by a C compiler, has the numbers that Swift writes with.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: compiler), "no C compiler is installed"))
  func cAgreesWithTheNumbers() throws {
    let folder = try TemporaryFolder()
    let program = """
      #include "probe.h"
      #include <stddef.h>
      _Static_assert(sizeof(struct probe_mailbox) == \(ProbeMailbox.headerSize), "");
      _Static_assert(sizeof(struct probe_set) == \(ProbeMailbox.setSize), "");
      _Static_assert(sizeof(struct probe) == \(ProbeMailbox.probeSize), "");
      _Static_assert(offsetof(struct probe_mailbox, set_count) == 8, "");
      _Static_assert(offsetof(struct probe_mailbox, finished_sets) == \(ProbeMailbox.finishedSetsOffset), "");
      _Static_assert(offsetof(struct probe_mailbox, failure) == \(ProbeMailbox.failureOffset), "");
      _Static_assert(offsetof(struct probe_mailbox, failure_detail) == \(ProbeMailbox.failureOffset + 8), "");
      _Static_assert(offsetof(struct probe_set, probe_count) == 64, "");
      _Static_assert(offsetof(struct probe_set, probes) == 72, "");
      _Static_assert(offsetof(struct probe, kind) == 8 && offsetof(struct probe, operand) == 16, "");
      _Static_assert(offsetof(struct probe, status) == \(ProbeMailbox.statusOffset), "");
      _Static_assert(offsetof(struct probe, value) == \(ProbeMailbox.statusOffset + 8), "");
      _Static_assert(offsetof(struct probe, fault_address) == \(ProbeMailbox.statusOffset + 16), "");
      _Static_assert(PROBE_MAGIC == \(ProbeMailbox.magic), "");
      _Static_assert(PROBE_FAULT == 1ull << 63 && !(PROBE_FAULT & \(ProbeMailbox.notDone)), "");
      _Static_assert(PROBE_USER == \(ProbeMailbox.userFlag) && PROBE_WRITE == \(ProbeMailbox.writeFlag), "");
      _Static_assert(PROBE_TRANSLATE == \(Probe.Kind.translate.rawValue), "");
      _Static_assert(PROBE_LOAD == \(Probe.Kind.load.rawValue), "");
      _Static_assert(PROBE_STORE == \(Probe.Kind.store.rawValue), "");
      _Static_assert(PROBE_EXECUTE == \(Probe.Kind.execute.rawValue), "");
      """
    try folder.write(Array(program.utf8), to: "numbers.c")
    let header = PackageRoot.url.appendingPathComponent("Tests/ProbeGuests").path
    try folder.shell(#"$1 -std=c2x -fsyntax-only -I"$2" numbers.c"#, Self.compiler, header)
  }

  @Test func probesAreWordsInOrder() {
    let probe = Probe(address: 0x1000, kind: .translate, isUser: true, isWrite: true, operand: 7)
    #expect(ProbeMailbox.words(probe) == [0x1000, 0x30, 7, ProbeMailbox.notDone, 0, 0])
  }

  @Test(arguments: ProbeGuest.allCases)
  func whatDoesNotFitIsRefused(guest: ProbeGuest) throws {
    let memory = try GuestMemory(size: .mebibytes(32), layout: guest.layout)
    let mailbox = ProbeMailbox(guest: guest, memory: memory)
    // (0x24_0000 - 0x20_0000 - 64) / 80 = 3276 sets; (0x100_0000 - 0x24_0000) / 48 = 300 373 probes.
    let empty = ProbeSet(control: [], probes: [])
    try mailbox.post([ProbeSet](repeating: empty, count: 3276))
    #expect(throws: ProbeMailbox.Problem.self) { try mailbox.post([ProbeSet](repeating: empty, count: 3277)) }
    let probe = Probe(address: 0, kind: .load)
    #expect(throws: ProbeMailbox.Problem.self) {
      try mailbox.post([ProbeSet(control: [], probes: [Probe](repeating: probe, count: 300_374))])
    }
    #expect(throws: ProbeMailbox.Problem.self) {
      try mailbox.post([ProbeSet(control: [UInt64](repeating: 0, count: 9), probes: [])])
    }
    // A probe that nobody has made has no result.
    let set = ProbeSet(control: [], probes: [probe])
    try mailbox.post([set])
    #expect(throws: ProbeMailbox.Problem.self) { try mailbox.results(of: [set]) }
  }
}
