import Addresses
import PageTables

/// What comes of an access.
enum AArch64Verdict: Hashable {
  /// It goes to a physical address. MAIR's byte and the shareability are known of AT and of tables, not of accesses.
  case reaches(UInt64, attribute: UInt64?, shareability: UInt64?)
  /// The fault status code: ESR_EL1's DFSC or IFSC, PAR_EL1's FST.
  case faults(UInt64)

  /// Whether two verdicts agree in all that both know.
  func agrees(with other: AArch64Verdict) -> Bool {
    switch (self, other) {
    case (.faults(let mine), .faults(let theirs)): mine == theirs
    case (.reaches(let mine, let attribute, let sharing), .reaches(let theirs, let otherAttribute, let otherSharing)):
      mine == theirs && (attribute ?? otherAttribute) == (otherAttribute ?? attribute)
        && (sharing ?? otherSharing) == (otherSharing ?? sharing)
    default: false
    }
  }

  var kind: AArch64FaultKind? {
    guard case .faults(let code) = self else { return nil }
    return AArch64FaultKind.allCases.first { kind in (-1...3).contains { kind.code(level: $0) == code } }
  }
}

/// Fault status codes (Arm ARM, ESR_EL1, DFSC).
enum AArch64FaultKind: CaseIterable {
  case addressSize, translation, accessFlag, permission, externalAbortOnWalk

  /// - Parameter level: Arm's lookup level, -1 to 3.
  func code(level: Int) -> UInt64 {
    let low = UInt64(level & 3)
    switch self {
    case .addressSize: return level < 0 ? 0x29 : low
    case .translation: return level < 0 ? 0x2b : 4 | low
    case .accessFlag: return 8 | low
    case .permission: return 12 | low
    case .externalAbortOnWalk: return level < 0 ? 0x13 : 0x14 | low
    }
  }
}

extension Probe {
  /// The right that the access takes.
  var neededRight: EffectiveRights {
    switch kind {
    case .translate: isWrite ? (isUser ? .userWrite : .supervisorWrite) : isUser ? .userRead : .supervisorRead
    case .load: isUser ? .userRead : .supervisorRead
    case .store: isUser ? .userWrite : .supervisorWrite
    case .execute: isUser ? .userExecute : .supervisorExecute
    }
  }
}

extension AArch64Verdict {
  /// What Perch says of an access, from the steps of its walk.
  static func perch(_ translation: Translation, of probe: Probe, by format: AArch64Format) -> AArch64Verdict {
    switch translation.outcome {
    case .fault(let fault): return .faults(code(of: fault))
    case .mapped(let byte):
      guard let step = translation.steps.last else { preconditionFailure("a mapped byte has a leaf") }
      let level = 4 - step.level.rawValue
      guard AArch64Entry(rawValue: step.entry).isAccessed || format.controls.setsAccessFlag else {
        return .faults(AArch64FaultKind.accessFlag.code(level: level))
      }
      guard byte.rights.contains(probe.neededRight) else {
        return .faults(AArch64FaultKind.permission.code(level: level))
      }
      let index = UInt64(byte.attributes.memoryType.rawValue)
      // The guest has attribute 7 for itself.
      let attribute = index == 7 ? 0xff : format.controls.memoryAttributes >> (8 * index) & 0xff
      let leafHasSharing = !format.paging.hasLargeAddresses || format.paging.granule == .size64KiB
      let sharing = leafHasSharing ? UInt64(byte.attributes.shareability) : 3
      // PAR_EL1.SH may say something else of what is not cacheable (Arm ARM, PAR_EL1).
      let isCached = attribute & 0xf0 != 0 && attribute != 0x44
      return .reaches(byte.physical.value, attribute: attribute, shareability: isCached ? sharing : nil)
    }
  }

  private static func code(of fault: WalkFault) -> UInt64 {
    let level = 4 - fault.level.rawValue
    switch fault.reason {
    // Arm ARM, D8.2: an address that is not translated at all is a level 0 fault, whatever level the walk starts at.
    case .notCovered: return AArch64FaultKind.translation.code(level: 0)
    case .notPresent: return AArch64FaultKind.translation.code(level: level)
    // Bit 1: the reserved encoding.
    case .reservedBits(2): return AArch64FaultKind.translation.code(level: level)
    case .reservedBits: return AArch64FaultKind.addressSize.code(level: level)
    case .outsideMemory: return AArch64FaultKind.externalAbortOnWalk.code(level: level)
    case .recursion, .tableLimit: preconditionFailure("a fault of visits only")
    }
  }

  /// What the processor did; nil where that is none of what a translation can bring.
  ///
  /// - Parameter expected: whose place stands for that of an access that went through without telling where.
  static func processor(_ result: ProbeResult, of probe: Probe, expecting expected: AArch64Verdict) -> AArch64Verdict? {
    if probe.kind == .translate, result.value != 0 {
      if result.didFault { return .faults(result.status >> 1 & 0x3f) }
      // PAR_EL1: PA[51:12], ATTR in 63:56, SH in 8:7.
      let physical = result.value & 0x000f_ffff_ffff_f000 | probe.address & 0xfff
      return .reaches(physical, attribute: result.value >> 56, shareability: result.value >> 7 & 3)
    }
    if result.didFault {
      // ESR_EL1: EC 0x20 and 0x24 from EL0, 0x21 and 0x25 from EL1; WnR is bit 6.
      let isInstruction = probe.kind == .execute
      let level: UInt64 = probe.isUser && probe.kind != .translate ? 0 : 1
      let isWrite = probe.kind == .store || probe.kind == .translate && probe.isWrite
      guard result.status >> 26 & 0x3f == (isInstruction ? 0x20 : 0x24) | level, result.faultAddress == probe.address,
        isInstruction || probe.kind == .translate || (result.status >> 6 & 1 == 1) == isWrite
      else { return nil }
      return .faults(result.status & 0x3f)
    }
    switch probe.kind {
    case .load: return .reaches(AArch64Marks.address(of: result.value) ?? 0, attribute: nil, shareability: nil)
    // The place of a store is looked at afterwards.
    case .store: return expected.isReached
    case .execute: return result.value == probe.operand ? expected.isReached : nil
    case .translate: return nil
    }
  }

  /// That the access went through, to the place that was expected.
  private var isReached: AArch64Verdict {
    guard case .reaches(let place, _, _) = self else { return .reaches(0, attribute: nil, shareability: nil) }
    return .reaches(place, attribute: nil, shareability: nil)
  }
}

/// Words that say where they are and can be executed: `svc #0`, then the physical address.
enum AArch64Marks {
  private static let supervisorCall: UInt64 = 0xd400_0001

  static func word(_ address: UInt64) -> UInt64 { (address >> 3) << 32 | supervisorCall }
  static func address(of word: UInt64) -> UInt64? { word & 0xffff_ffff == supervisorCall ? (word >> 32) << 3 : nil }
  /// What a probe stores at a physical address.
  static func stored(_ address: UInt64) -> UInt64 { ~word(address) }
}
