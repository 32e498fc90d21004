import AddressSpace
import Addresses
import TestSupport
import Testing

@testable import Machines

@Suite struct QEMUMemoryMapTests {
  /// The guest's firmware is the judge: Linux, started by plain `-kernel`, prints the map it was given.
  @Test(
    .enabled(if: DebianKernel.areExpected, "scripts/fetch-kernel was not run"),
    arguments: [128, 512, 3583, 3584, 4096, 6144] as [UInt64])
  func theGuestsOwnMapIsTheSame(mebibytes: UInt64) throws {
    var configuration = QEMUConfiguration(
      kernel: .path(DebianKernel.cloud.path), memory: .mebibytes(mebibytes), accelerator: .tcg, timeLimit: .seconds(60))
    configuration.extraArguments = ["-append", "console=ttyS0 earlyprintk=serial panic=-1"]
    var text: [UInt8] = []
    let watcher = ConsoleWatcher(until: try Regex("NX .* protection|e820: update"))
    let machine = try QEMUMachine(configuration, console: watcher) { text += $0 }
    let outcome = try machine.run()
    guard case .matched = outcome else {
      Issue.record("\(outcome)")
      return
    }
    var printed: [MemoryMap.Entry] = []
    let pattern = /BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] (usable|reserved)/
    for match in String(decoding: text, as: UTF8.self).matches(of: pattern) {
      let start = try #require(UInt64(match.1, radix: 16))
      let last = try #require(UInt64(match.2, radix: 16))
      printed.append(entry(start, last + 1, match.3 == "usable" ? .usable : .reserved))
    }
    // What KVM reserves for itself is in our map for every accelerator, and not in the guest's here.
    printed.append(entry(0xfeff_c000, 0xff00_0000, .reserved))
    #expect(try QEMUMemoryMap.pc(.mebibytes(mebibytes)) == MemoryMap(normalising: printed))
  }

  @Test(arguments: [0, 1, 4097, 2_000_000] as [UInt64])
  func otherSizesAreRefused(count: UInt64) {
    let size = count == 4097 ? ByteCount(4097) : ByteCount.mebibytes(count)
    #expect(throws: MachineError.unsupportedMemorySize(size, allowed: "whole MiB from 2 MiB to 1000 GiB")) {
      try QEMUMemoryMap.pc(size)
    }
  }

  private func entry(_ start: UInt64, _ end: UInt64, _ kind: MemoryKind) -> MemoryMap.Entry {
    .init(range: PhysicalRange(uncheckedStart: PhysicalAddress(start), count: ByteCount(end - start)), kind: kind)
  }
}
