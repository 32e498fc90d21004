import PageTables

/// The page walk as the Arm ARM (DDI 0487, D8.2 to D8.4) tells it, one entry after the other, for tables without
/// 52-bit addresses. It is slow and shares nothing with Perch's walk but the name of rights.
struct ArmWalker {
  struct Leaf: Equatable {
    var virtual: UInt64
    var physical: UInt64
    var size: UInt64
    var rights: EffectiveRights
    var attributeIndex: UInt8
    var shareability: UInt8
    var isGlobal: Bool
    var isContiguous: Bool
  }

  let isUpper: Bool
  /// 12, 14 or 16.
  let granule: UInt64
  let virtualBits: UInt64
  private let ignoresTables: Bool
  private let setsAccessFlag: Bool
  private let setsDirtyState: Bool
  private let load: (UInt64) -> UInt64?
  private(set) var leaves: [Leaf] = []
  private(set) var tableCount = 0
  private(set) var unreadableEntries = 0

  /// TCR_EL1: T0SZ 5:0, TG0 15:14 (4, 64, 16 KiB), T1SZ 21:16, TG1 31:30 (-, 16, 4, 64), HA 39, HD 40, HPD 41 and 42.
  init(controlRegister tcr: UInt64, isUpper: Bool, load: @escaping (UInt64) -> UInt64?) {
    self.isUpper = isUpper
    granule = isUpper ? [0, 14, 12, 16][Int(tcr >> 30 & 3)] : [12, 16, 14, 0][Int(tcr >> 14 & 3)]
    virtualBits = 64 - (tcr >> (isUpper ? 16 : 0) & 0x3f)
    ignoresTables = tcr >> (isUpper ? 42 : 41) & 1 == 1
    setsAccessFlag = tcr >> 39 & 1 == 1
    setsDirtyState = tcr >> 40 & 1 == 1
    self.load = load
  }

  /// What the tables above have said.
  private struct Above {
    var noUser = false
    var readOnly = false
    var userExecuteNever = false
    var privilegedExecuteNever = false
  }

  /// Walks everything below TTBRx_EL1.
  mutating func walk(from register: UInt64) {
    let stride = granule - 3
    // The walk starts at the level that resolves the topmost bits.
    var level = 3
    while virtualBits > granule + stride * UInt64(4 - level) { level -= 1 }
    walk(register & 0x0000_ffff_ffff_fffe, level, 0, virtualBits, Above())
  }

  /// - Parameter bits: how many address bits the table resolves, with all below it.
  private mutating func walk(_ table: UInt64, _ level: Int, _ start: UInt64, _ bits: UInt64, _ above: Above) {
    tableCount += 1
    let shift = granule + (granule - 3) * UInt64(3 - level)
    for index in 0..<(1 << (bits - shift)) as Range<UInt64> {
      guard let descriptor = load(table + index * 8) else {
        unreadableEntries += 1
        return
      }
      let place = start + index << shift
      let isTable = descriptor & 2 != 0
      if descriptor & 1 == 0 || level == 3 && !isTable { continue }
      if level < 3 && isTable {
        var below = above
        if !ignoresTables {
          if descriptor >> 61 & 1 == 1 { below.noUser = true }
          if descriptor >> 62 & 1 == 1 { below.readOnly = true }
          if descriptor >> 60 & 1 == 1 { below.userExecuteNever = true }
          if descriptor >> 59 & 1 == 1 { below.privilegedExecuteNever = true }
        }
        walk(descriptor & 0x0000_ffff_ffff_f000 & ~((1 << granule) - 1), level + 1, place, shift, below)
      } else {
        leaves.append(leaf(descriptor, place, shift, above))
      }
    }
  }

  private func leaf(_ descriptor: UInt64, _ place: UInt64, _ shift: UInt64, _ above: Above) -> Leaf {
    func bit(_ number: UInt64) -> Bool { descriptor >> number & 1 == 1 }
    var rights: EffectiveRights = []
    let isUser = bit(6) && !above.noUser
    let isWritable = (!bit(7) || setsDirtyState && bit(51)) && !above.readOnly
    if bit(10) || setsAccessFlag {
      rights.insert(.supervisorRead)
      if isWritable { rights.insert(.supervisorWrite) }
      if isUser { rights.insert(.userRead) }
      if isUser && isWritable { rights.insert(.userWrite) }
      if !bit(53) && !above.privilegedExecuteNever && !(isUser && isWritable) { rights.insert(.supervisorExecute) }
      if !bit(54) && !above.userExecuteNever { rights.insert(.userExecute) }
    }
    let unit = 1 << shift as UInt64
    let high: UInt64 = isUpper ? ~((1 << virtualBits) - 1) : 0
    return Leaf(
      virtual: place | high, physical: descriptor & 0x0000_ffff_ffff_ffff & ~(unit - 1), size: unit, rights: rights,
      attributeIndex: UInt8(descriptor >> 2 & 7), shareability: UInt8(descriptor >> 8 & 3), isGlobal: !bit(11),
      isContiguous: bit(52))
  }
}
