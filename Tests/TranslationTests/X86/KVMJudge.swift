import Foundation
import Perch

@testable import Machines

/// KVM's page walker over a file of tables, and what the host's KVM offers.
final class KVMJudge {
  let tables: X86FileTables
  let walker: KVMTranslator
  let paging: X86Paging

  /// - Throws: ``MachineError`` without /dev/kvm.
  init(_ paging: X86Paging, memory: ByteCount = .mebibytes(32)) throws {
    tables = try X86FileTables(size: memory)
    walker = try KVMTranslator(memory: tables.file)
    self.paging = paging
  }

  /// - Throws: ``MachineError/unexpectedAnswer(channel:to:found:)`` or a refusal where KVM has no such paging here.
  func use(root: PhysicalAddress) throws {
    // KVM wants LMA (bit 10) beside LME.
    let efer = paging.efer | (paging.isLong ? 1 << 10 : 0)
    try walker.setPaging(cr3: root.value, cr0: paging.cr0, cr4: paging.cr4 & ~(1 << 7), efer: efer)
  }

  var controls: X86Controls {
    var controls = paging.controls(physicalBits: walker.physicalBits, gigabytePages: walker.supportsGibibytePages)
    controls.reservesGlobalInUpperTables = Self.isAMD
    return controls
  }

  var format: PagingFormat { paging.format(controls) }

  func translate(_ addresses: [UInt64]) throws -> [PhysicalAddress?] {
    try walker.translate(addresses.map { VirtualAddress(unchecked: $0) })
  }

  // MARK: What there is

  /// Whether the host's processor, whose kind KVM's guests have, goes by AMD's manual.
  static let isAMD: Bool = {
    let description = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return description.contains("AuthenticAMD") || description.contains("HygonGenuine")
  }()

  /// The modes that KVM walks here: hardware paging and shadow paging have all of them; kvm-pvm only those of long
  /// mode.
  static let modes = X86Paging.modes.filter { accepts(X86Paging($0)) }

  /// The combinations of the control bits that KVM takes with four levels: a processor without SMEP or SMAP refuses
  /// their bits.
  static let variations = X86Paging.variations(of: .x86_64FourLevel).filter(accepts)

  private static func accepts(_ paging: X86Paging) -> Bool {
    guard let judge = try? KVMJudge(paging) else { return false }
    return (try? judge.use(root: PhysicalAddress(0))) != nil
  }

  static var isAvailable: Bool { modes.contains(.x86_64FourLevel) }
  static let reason = "/dev/kvm cannot be opened or makes no processor"
}
