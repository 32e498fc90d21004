import Perch

/// Where an address space leads and what it allows, from its intents alone: no tables, and nothing of Perch's but the
/// list of the intents.
struct X86SpaceModel {
  private var starts: [UInt64] = []
  private var lasts: [UInt64] = []
  private var targets: [UInt64] = []
  private var intents: [MappingIntent]

  init(_ space: AddressSpace) {
    intents = space.mappings.sorted { $0.virtual.start < $1.virtual.start }
    for intent in intents {
      starts.append(intent.virtual.start.value)
      lasts.append(intent.virtual.start.value + (intent.virtual.count.value - 1))
      targets.append(intent.physical.value)
    }
  }

  private func index(of address: UInt64) -> Int? {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 && address <= lasts[low - 1] ? low - 1 : nil
  }

  func physical(of address: UInt64) -> UInt64? {
    index(of: address).map { targets[$0] + (address - starts[$0]) }
  }

  func allows(_ kind: Probe.Kind, byUser: Bool, at address: UInt64, under paging: X86Paging) -> Bool {
    guard let index = index(of: address) else { return false }
    return paging.allows(kind, byUser: byUser, access: intents[index].access, isUser: intents[index].isUser)
  }
}

extension X86Paging {
  /// Whether a mapped page can be used so (Intel SDM vol. 3A, 4.6.1).
  func allows(_ kind: Probe.Kind, byUser: Bool, access: Access, isUser: Bool) -> Bool {
    if byUser, !isUser { return false }
    let isGuarded = !byUser && isUser
    switch kind {
    case .execute: return (access.isExecutable || !noExecute) && !(isGuarded && preventsExecution)
    case .store where !access.isWritable && (byUser || writeProtect): return false
    default: return !(isGuarded && preventsAccess)
    }
  }

  /// What an access ends with, where Perch resolves its address so: 0, or the probe guest's words for the exception.
  ///
  /// The error code of a page fault has P, W/R, U/S, RSVD and I/D in bits 0 to 4 (Intel SDM vol. 3A, 4.7).
  func status(of probe: Probe, resolvedAs outcome: Resolution) -> UInt64 {
    var code: UInt64 = (probe.kind == .store ? 2 : 0) | (probe.isUser ? 4 : 0)
    if probe.kind == .execute, preventsExecution || noExecute && mode != .i386 { code |= 16 }
    switch outcome {
    case .mapped(let byte):
      if byte.rights.contains(right(of: probe)) { return 0 }
      code |= 1
    case .fault(let fault):
      switch fault.reason {
      case .notCovered: return 1 << 63 | 13 << 32
      case .reservedBits: code |= 8 | 1
      default: break
      }
    }
    return 1 << 63 | 14 << 32 | code
  }

  private func right(of probe: Probe) -> EffectiveRights {
    switch probe.kind {
    case .store: probe.isUser ? .userWrite : .supervisorWrite
    case .execute: probe.isUser ? .userExecute : .supervisorExecute
    default: probe.isUser ? .userRead : .supervisorRead
    }
  }
}
