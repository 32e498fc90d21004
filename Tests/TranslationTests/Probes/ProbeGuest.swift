import Addresses
import Foundation
import Machines
import TestSupport

/// The guests of `Tests/ProbeGuests`, built once per run by `scripts/build-probe-guests`.
enum ProbeGuest: String, CaseIterable {
  case x86, aarch64, riscv64

  var layout: GuestMemory.Layout {
    switch self {
    case .x86: .pc
    case .aarch64: .virtAArch64
    case .riscv64: .virtRISCV
    }
  }

  var ramBase: UInt64 { layout.base.value }
  /// The guest itself lies below.
  var mailbox: UInt64 { ramBase + 0x20_0000 }
  /// Where the probes begin, behind the mailbox.
  var probes: UInt64 { ramBase + 0x24_0000 }
  /// Where tests have their tables and frames, behind the probes. On x86 the firmware writes to the topmost 32 MiB.
  var free: UInt64 { ramBase + 0x100_0000 }

  /// The built guest.
  func path() throws -> String {
    guard let built = Self.built[self] else { preconditionFailure("all guests are built") }
    return try built.get()
  }

  /// A machine for the guest, which can end it.
  ///
  /// - Parameters:
  ///   - features: of the processor, as `-cpu` takes them: `la57=off`; `svpbmt=on`, `svnapot=on`.
  ///   - machineOptions: as `-machine` takes them: `virtualization=on`.
  func configuration(
    memory: ByteCount, features: [String], machineOptions: [String], accelerator: Accelerator
  ) throws -> QEMUConfiguration {
    var configuration = QEMUConfiguration(
      kernel: .path(try path()), memory: memory, accelerator: accelerator, timeLimit: .seconds(60), layout: layout)
    configuration.processor = ([configuration.processor] + features).joined(separator: ",")
    configuration.machineType = ([configuration.machineType] + machineOptions).joined(separator: ",")
    configuration.hasReadableMemory = true
    switch self {
    case .x86: configuration.extraArguments = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    case .aarch64: break
    case .riscv64: configuration.firmware = "none"
    }
    return configuration
  }

  struct BuildFailed: Error { var guest: ProbeGuest, status: Int32 }

  /// Each by itself, so that one with an error leaves the others usable.
  private static let built = Dictionary(
    uniqueKeysWithValues: allCases.map { guest in (guest, Result { () throws in try guest.build() }) })

  private func build() throws -> String {
    let folder = PackageRoot.url.appendingPathComponent(".build/probe-guests")
    let process = Process()
    process.executableURL = PackageRoot.url.appendingPathComponent("scripts/build-probe-guests")
    process.arguments = [folder.path, rawValue]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BuildFailed(guest: self, status: process.terminationStatus) }
    return folder.appendingPathComponent("\(rawValue).elf").path
  }
}
