import AddressSpace
import Addresses

/// What random address spaces are to be like.
public struct SpaceRecipe {
  public var mode: PagingMode
  public var mappings: Int
  /// Every mapping leads here; for real accesses, memory that nobody else uses.
  public var physical: PhysicalRange
  /// Virtual ranges that stay free.
  public var avoiding: [VirtualRange] = []
  /// Whether some mappings are for unprivileged programs.
  public var hasUsers = true
  public var hasUncacheable = true
  /// The sizes of leaves that the mode has, smallest first, and so the boundaries that mappings lie around.
  public var pageSizes: [PageSize]

  public init(mode: PagingMode, mappings: Int, physical: PhysicalRange, pageSizes: [PageSize]) {
    self.mode = mode
    self.mappings = mappings
    self.physical = physical
    self.pageSizes = pageSizes
  }

  /// Intents near the boundaries of all page sizes and at both ends of what the mode translates, of a few pages of any
  /// size; every other one is congruent to its physical place modulo some large page.
  public func space(using generator: inout SeededGenerator) -> AddressSpace {
    var space = AddressSpace(mode: mode)
    for number in 0..<mappings {
      guard let intent = intent(number, using: &generator), !avoiding.contains(where: intent.virtual.overlaps) else {
        continue
      }
      try? space.add(intent)
    }
    return space
  }

  private func intent(_ number: Int, using generator: inout SeededGenerator) -> MappingIntent? {
    let page = mode.smallestPage.byteCount.value
    let unit = pageSizes.randomElement(using: &generator)!.byteCount.value
    // A few units and a few pages, as far as the physical memory goes.
    let limit = physical.count.value
    let units = UInt64.random(in: 0...3, using: &generator)
    let (large, overflow) = unit.multipliedReportingOverflow(by: units)
    let pages = UInt64.random(in: 1...40, using: &generator) * page
    let count = !overflow && large <= limit / 2 ? large + (Bool.random(using: &generator) ? 0 : pages) : pages
    guard count > 0, count <= limit else { return nil }
    var virtual = anchor(unit: unit, using: &generator) &+ UInt64.random(in: 0..<4, using: &generator) &* page
    // A range that would go beyond the top of the address space ends there.
    if VirtualRange(start: VirtualAddress(virtual), count: ByteCount(count)) == nil { virtual = 0 &- count }
    // Congruent modulo the unit where that leaves room, or anywhere.
    let room = (limit - count) / page + 1
    var target = physical.start.value + UInt64.random(in: 0..<room, using: &generator) * page
    if Bool.random(using: &generator) {
      let aligned = (target & ~(unit - 1)) | (virtual & (unit - 1))
      if aligned >= physical.start.value, aligned - physical.start.value <= limit - count { target = aligned }
    }
    let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
    return MappingIntent(
      virtual: VirtualRange(uncheckedStart: VirtualAddress(virtual), count: ByteCount(count)),
      physical: PhysicalAddress(target), access: accesses.randomElement(using: &generator)!,
      cache: hasUncacheable && UInt8.random(in: 0..<4, using: &generator) == 0 ? .uncacheable : .writeBack,
      isUser: hasUsers && Bool.random(using: &generator), isGlobal: Bool.random(using: &generator),
      largestPage: pageSizes.randomElement(using: &generator)!, name: "mapping \(number)")
  }

  /// An address near a multiple of `unit` somewhere in the translated range, both ends included.
  private func anchor(unit: UInt64, using generator: inout SeededGenerator) -> UInt64 {
    let width = (1 << UInt64(mode.virtualBits)) - 1 as UInt64
    let raw: UInt64
    switch UInt8.random(in: 0..<8, using: &generator) {
    case 0: raw = 0
    case 1: raw = width
    case 2: raw = width / 2
    case 3: raw = width / 2 + 1
    default: raw = generator.next()
    }
    let page = mode.smallestPage.byteCount.value
    let before = UInt64.random(in: 0..<3, using: &generator) * page
    let value = (raw & width & ~(unit - 1)) &- before
    return mode.addressForm.extend(value & width, bits: mode.virtualBits)
  }
}

extension AddressSpace {
  /// The first and the last byte of every mapping, their neighbours outside, and the same at every multiple of `step`
  /// inside that is among the first few.
  public func boundaries(step: UInt64) -> [UInt64] {
    mappings.flatMap { mapping -> [UInt64] in
      let start = mapping.virtual.start.value
      let last = start &+ (mapping.virtual.count.value - 1)
      var places = [start &- 1, start, last, last &+ 1]
      var inner = (start | (step - 1)) &+ 1
      while inner > start, inner <= last, places.count < 12 {
        places += [inner - 1, inner]
        inner = inner &+ step
        if inner == 0 { break }
      }
      return places
    }
  }
}
