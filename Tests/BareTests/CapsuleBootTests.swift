import Addresses
import BootProtocols
import Foundation
import Machines
import PageTables
import TestSupport
import Testing

/// The same kernel in a capsule: no loader, QEMU alone, and what `perch plan` and `perch map` print is there.
@Suite(.enabled(if: BareBuild.isExpected, "scripts/build-bare was not run"))
struct CapsuleBootTests {
  @Test(arguments: ["kernel", "kernel-80200000", "kernel-relr"], ["off", "41"])
  func aCapsuleStartsTheSameKernel(kernel: String, seed: String) throws {
    let folder = try TemporaryFolder()
    let capsule = folder.path("capsule")
    let options = [BareBuild.path(kernel), "--memory", "128M", "--kaslr", seed]
    _ = try Self.output(["pack"] + options + ["-o", capsule])
    let plan = try Self.output(["plan", "--format", "lines"] + options)
    let map = try Self.output(["map", "--format", "lines"] + options)

    let guest = try BareGuest(.path(capsule), memory: .mebibytes(128), [])
    defer { guest.machine.end() }
    let entry = try #require(plan.firstMatch(of: /entry rip 0x([0-9a-f]+) .* cr3 0x([0-9a-f]+)/))
    try guest.run(to: VirtualAddress(unchecked: try Self.number(entry.1)))
    #expect(try guest.machine.registers().cr3 == Self.number(entry.2))
    // The page tables are the plan's, byte for byte.
    let tables = try #require(plan.firstMatch(of: /piece 0x([0-9a-f]+)-0x([0-9a-f]+) made page tables/))
    let hash = try #require(plan.firstMatch(of: /page tables root .*: fnv1a64 0x([0-9a-f]+)/))
    let memory = try #require(guest.machine.memory)
    let bytes = try (Self.number(tables.1)..<Self.number(tables.2)).map { address in
      try #require(memory.loadByte(at: PhysicalAddress(unchecked: address)))
    }
    #expect(try Self.number(tables.1) == Self.number(entry.2) && bytes.count >= 4 * 4096)
    #expect(FNV1a64.of(bytes) == (try Self.number(hash.1)))

    let outcome = try guest.machine.run()
    #expect(outcome == .guestExited(status: 33, reason: nil), "\(outcome)\n\(guest.text.suffix(2000))")
    // Its own tables have no entry stub any more, and its heap.
    #expect(
      guest.mapLines.filter { !$0.hasSuffix(" heap") }
        == map.split(separator: "\n").map(String.init).filter { !$0.hasSuffix(" entry stub") })
    let image = try #require(plan.firstMatch(of: /image (0x[0-9a-f]+-0x[0-9a-f]+) slide ([+-]?0x[0-9a-f]+)/))
    #expect(
      guest.lines.contains {
        $0.contains("perch kernel: image at physical \(image.1), runs at ") && $0.hasSuffix(", slide \(image.2)")
      })
  }

  private static func output(_ arguments: [String]) throws -> String {
    let run = try PerchTool.run(arguments)
    try #require(run.status == 0, "\(arguments)\n\(run.errors)")
    return run.output
  }

  private static func number(_ digits: Substring) throws -> UInt64 { try #require(UInt64(digits, radix: 16)) }
}
