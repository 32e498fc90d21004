/// The control bits, and the abilities of a processor, under which x86 tables are read (Intel SDM vol. 3A, 4.1).
public struct X86Controls: Hashable, Sendable {
  /// EFER.NXE: bit 63 of an entry forbids execution; without, the bit is reserved.
  public var noExecuteEnabled = true
  /// CR0.WP: the supervisor obeys R/W too.
  public var writeProtect = true
  /// CR4.SMEP: the supervisor does not execute user pages.
  public var preventsExecution = false
  /// CR4.SMAP: the supervisor does not touch user pages, as long as EFLAGS.AC is 0.
  public var preventsAccess = false
  /// CR4.PSE: i386 entries can be 4 MiB pages. The other modes do not ask.
  public var largePages = true
  /// CPUID 80000001H EDX.PDPE1GB: entries of a PDPT can be pages.
  public var gigabytePages = true
  /// A processor of AMD's: bit 8 of an entry of a PML4 or PML5 must be zero (AMD64 manual vol. 2, 5.3.3). Intel's ignore
  /// it.
  public var reservesGlobalInUpperTables = false
  /// MAXPHYADDR; address bits from there up are reserved (CPUID 80000008H EAX 7:0), at most 52.
  public var physicalBits: UInt8 = 52

  /// A processor that can do everything, with NX and WP on.
  public init() {}
}

extension X86Controls {
  /// Reads CR0, CR4 and EFER as they are on a running machine.
  public init(cr0: UInt64, cr4: UInt64, efer: UInt64, physicalBits: UInt8 = 52) {
    writeProtect = cr0 & 1 << 16 != 0
    largePages = cr4 & 1 << 4 != 0
    preventsExecution = cr4 & 1 << 20 != 0
    preventsAccess = cr4 & 1 << 21 != 0
    noExecuteEnabled = efer & 1 << 11 != 0
    self.physicalBits = physicalBits
  }
}

extension X86Controls {
  /// What a page grants: `isUser` and `isWritable` hold at every level, `isNoExecute` at one at least (Intel SDM
  /// vol. 3A, 4.6.1).
  @inlinable func rights(isUser: Bool, isWritable: Bool, isNoExecute: Bool) -> EffectiveRights {
    var rights: EffectiveRights = []
    if !(isUser && preventsAccess) {
      rights.formUnion(.supervisorRead)
      if isWritable || !writeProtect { rights.formUnion(.supervisorWrite) }
    }
    if !isNoExecute, !(isUser && preventsExecution) { rights.formUnion(.supervisorExecute) }
    if isUser {
      rights.formUnion(.userRead)
      if isWritable { rights.formUnion(.userWrite) }
      if !isNoExecute { rights.formUnion(.userExecute) }
    }
    return rights
  }
}
