import AddressSpace
import Addresses
import PageTables
import TestSupport

/// Intents of one mode, near all the boundaries that the mode has.
struct TableCase: Shrinkable {
  var mode: PagingMode
  var intents: [MappingIntent]

  var space: AddressSpace {
    var space = AddressSpace(mode: mode)
    for intent in intents { try? space.add(intent) }
    return space
  }

  var smaller: [TableCase] {
    let fewer = intents.indices.map { index in
      var copy = self
      copy.intents.remove(at: index)
      return copy
    }
    return fewer
      + intents.indices.flatMap { index in
        intents[index].smaller(mode).map { intent in
          var copy = self
          copy.intents[index] = intent
          return copy
        }
      }
  }

  var description: String {
    "try space(\n  \(mode.swiftText)" + intents.map { ",\n  " + $0.swiftText }.joined() + ")"
  }
}

extension MappingIntent {
  func smaller(_ mode: PagingMode) -> [MappingIntent] {
    var results: [MappingIntent] = []
    let page = mode.smallestPage.byteCount.value
    let pages = virtual.count.value / page
    for count in Set([pages / 2, pages - 1]) where count > 0 {
      let end = (pages - count) * page
      results.append(part(0, count * page))
      results.append(part(end, count * page))
    }
    if largestPage > mode.smallestPage {
      var plain = self
      plain.largestPage = mode.pageSizes.last { $0 < largestPage }!
      results.append(plain)
    }
    if isUser || isGlobal || cache != .writeBack {
      var plain = self
      plain.isUser = false
      plain.isGlobal = false
      plain.cache = .writeBack
      results.append(plain)
    }
    return results
  }

  /// The intent for some of its bytes.
  func part(_ offset: UInt64, _ count: UInt64) -> MappingIntent {
    var part = self
    part.virtual = range(virtual.start.value + offset, count)
    part.physical = PhysicalAddress(physical.value + offset)
    return part
  }

  var swiftText: String {
    "intent(\(virtual.start.value.swiftText), \(virtual.count.value.swiftText), to: \(physical.value.swiftText), "
      + ".\(access), cache: .\(cache), isUser: \(isUser), isGlobal: \(isGlobal), "
      + "largest: PageSize(shift: \(largestPage.rawValue)))"
  }
}

extension TableCase {
  /// - Parameter mixesUsers: whether pages of users and of the supervisor may stand side by side.
  static func draw(_ mode: PagingMode, mixesUsers: Bool, _ generator: inout SeededGenerator) -> TableCase {
    let everybodyIsUser = generator.oneIn(3)
    var space = AddressSpace(mode: mode)
    for _ in 0..<generator.draw(1...6) {
      let intent = drawIntent(mode, isUser: mixesUsers ? generator.oneIn(2) : everybodyIsUser, &generator)
      try? space.add(intent)
    }
    return TableCase(mode: mode, intents: space.mappings.shuffled(using: &generator))
  }

  private static func drawIntent(
    _ mode: PagingMode, isUser: Bool, _ generator: inout SeededGenerator
  ) -> MappingIntent {
    let sizes = mode.pageSizes
    let page = sizes[0].byteCount.value
    let next = sizes[1].byteCount.value
    let largest = generator.oneIn(3) ? generator.pick(sizes) : .largest
    // Physical and virtual address agree modulo this.
    let wanted = [
      page, page * mode.groupCount(sizes[0]), next, sizes.last!.byteCount.value, sizes.last!.byteCount.value,
    ]
    let congruence = generator.pick(wanted)
    let mayBeLarge = congruence >= next && largest >= sizes[1]
    let count = drawCount(mode, mayBeLarge: mayBeLarge, isHuge: mayBeLarge && congruence > next, &generator)
    let linear = drawStart(mode, count, &generator)
    let virtual = mode.addressForm.extend(linear, bits: mode.virtualBits)
    let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
    return intent(
      virtual, count, to: drawPhysical(mode, linear % congruence, congruence, count, &generator),
      generator.pick(accesses), cache: generator.oneIn(4) ? .uncacheable : .writeBack, isUser: isUser,
      isGlobal: generator.oneIn(3), largest: largest)
  }

  /// Few pages, about a group, about a large page, about a huge one.
  private static func drawCount(
    _ mode: PagingMode, mayBeLarge: Bool, isHuge: Bool, _ generator: inout SeededGenerator
  ) -> UInt64 {
    let sizes = mode.pageSizes
    let page = sizes[0].byteCount.value
    let group = mode.groupCount(sizes[0])
    let few = page * generator.draw(1...20)
    let next = sizes[1].byteCount.value
    switch generator.draw(0...4) {
    case 0: return few
    case 1: return page * (group * generator.draw(1...3) + generator.draw(0...2))
    case 2 where mayBeLarge: return next * generator.draw(1...3) + few
    case 3 where mayBeLarge: return next * mode.groupCount(sizes[1]) * generator.draw(1...2) + few
    case 4 where isHuge && sizes.count > 2: return sizes[2].byteCount.value * generator.draw(1...2) + few
    default: return few + page * generator.draw(0...200)
    }
  }

  /// The translated bits of a place near the ends of the mode's ranges, or near where a table ends.
  private static func drawStart(_ mode: PagingMode, _ count: UInt64, _ generator: inout SeededGenerator) -> UInt64 {
    let page = mode.smallestPage.byteCount.value
    let whole = 1 << UInt64(mode.virtualBits) as UInt64
    let half = mode.addressForm == .signExtended ? whole / 2 : whole
    let base = generator.oneIn(2) ? 0 : whole - half
    let room = half - count
    let span = generator.pick(mode.tableSpans)
    let boundary = generator.draw(0...(room / span)) * span
    let offset: UInt64
    switch generator.draw(0...4) {
    case 0: offset = 0
    case 1: offset = room
    case 2: offset = boundary
    case 3: offset = boundary + page * generator.draw(0...40)
    default: offset = boundary - min(boundary, page * generator.draw(1...40))
    }
    return base + min(offset, room)
  }

  /// A place that is `remainder` modulo `congruence`, sometimes near one where the field of an entry ends.
  private static func drawPhysical(
    _ mode: PagingMode, _ remainder: UInt64, _ congruence: UInt64, _ count: UInt64, _ generator: inout SeededGenerator
  ) -> UInt64 {
    let bits = mode == .i386 ? 32 : UInt64(mode.physicalBits)
    let room = (1 << bits) - count
    var start: UInt64
    switch generator.draw(0...3) {
    case 0: start = generator.draw(0...room)
    case 1: start = generator.draw(0...min(room, 1 << 32))
    case 2: start = room
    default:
      // Astride, where there is room below.
      let edge = min(room, 1 << generator.pick([32, 36, 40, 48, 50] as [UInt64]))
      start = edge - min(edge, count / 2)
    }
    start = start / congruence * congruence + remainder
    while start > room { start -= congruence }
    return start
  }
}
