import Addresses
import Glibc
import Machines

/// Whether KVM walks page tables here.
enum KVMTranslation {
  /// Not a matter of what is installed, and no machine of a continuous integration promises it: where the device is
  /// missing, the tests are disabled everywhere.
  static let isAvailable = (try? memory()).flatMap { try? KVMTranslator(memory: $0) } != nil
  static let reason = "/dev/kvm cannot be opened or makes no processor"

  static func memory() throws -> AnonymousFile {
    try AnonymousFile(label: "tables", size: .mebibytes(4))
  }
}

/// Tables written entry by entry, and KVM's walker for them.
final class KVMTestTables {
  let memory: AnonymousFile
  let walker: KVMTranslator

  static let pageSize: UInt64 = 1 << 7
  static let executeDisable: UInt64 = 1 << 63
  /// PE, ET, WP, PG.
  static let cr0: UInt64 = 0x8001_0011
  /// PAE.
  static let cr4: UInt64 = 0x20
  /// LME, LMA, NXE.
  static let efer: UInt64 = 0xd00

  init() throws {
    memory = try KVMTranslation.memory()
    walker = try KVMTranslator(memory: memory)
  }

  /// Four levels at 0x1000, 0x2000, 0x3000, 0x4000; virtual 0 is physical 0x5000, for the supervisor.
  static func fourLevels() throws -> KVMTestTables {
    let tables = try KVMTestTables()
    tables.store(0x2003, at: 0x1000)
    tables.store(0x3003, at: 0x2000)
    tables.store(0x4003, at: 0x3000)
    tables.store(0x5003, at: 0x4000)
    try tables.walker.setPaging(cr3: 0x1000, cr0: cr0, cr4: cr4, efer: efer)
    return tables
  }

  func store(_ entry: UInt64, at address: Int) {
    memory.withMutableBytes { $0.storeBytes(of: entry.littleEndian, toByteOffset: address, as: UInt64.self) }
  }

  func store32(_ entry: UInt32, at address: Int) {
    memory.withMutableBytes { $0.storeBytes(of: entry.littleEndian, toByteOffset: address, as: UInt32.self) }
  }

  func load(_ address: Int) -> UInt64 {
    memory.withBytes { bytes in
      (0..<8).reduce(0) { $0 | UInt64(bytes.unsafeLoad(fromByteOffset: address + $1, as: UInt8.self)) << (8 * $1) }
    }
  }

  func translate(_ address: UInt64) throws -> UInt64? { try walker.translate(VirtualAddress(address))?.value }
}
