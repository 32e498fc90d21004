import AddressSpace
import Addresses
import PageTables
import TestSupport

/// Random address spaces of a shape, and the places in them that are worth asking for.
struct AArch64Spaces {
  let paging: AArch64Paging
  var mode: PagingMode { .aarch64(paging) }

  /// Mappings that lead to memory where every access can really be made.
  func accessible(using generator: inout SeededGenerator) -> AddressSpace {
    let page = mode.smallestPage.byteCount.value
    let recipe = SpaceRecipe(mode: mode, mappings: 9, physical: AArch64Trial.accessible, pageSizes: paging.pageSizes)
    // Large units in smallest pages would be many tables: not more than 512 entries for one mapping.
    var space = AddressSpace(mode: mode)
    for intent in recipe.space(using: &generator).mappings {
      let count = min(intent.virtual.count.value, intent.largestPage.byteCount.value + 512 * page)
      try? space.add(intent.part(0..<count))
    }
    addLargeBlocks(to: &space, using: &generator)
    return space
  }

  /// The largest blocks that have accessible memory: 512 MiB from 0x6000_0000, and 1 GiB from where memory begins.
  private func addLargeBlocks(to space: inout AddressSpace, using generator: inout SeededGenerator) {
    for size in paging.pageSizes where size == .size512MiB || size == .size1GiB {
      let physical: UInt64 = size == .size1GiB ? 0x4000_0000 : 0x6000_0000
      let access: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]
      try? space.add(
        MappingIntent(
          virtual: VirtualRange(uncheckedStart: place(of: size, using: &generator), count: size.byteCount),
          physical: PhysicalAddress(physical), access: access.randomElement(using: &generator)!,
          isUser: Bool.random(using: &generator), largestPage: size, name: "block"))
    }
  }

  /// Mappings of every page size that lead anywhere in the physical addresses, with pages of the next smaller size
  /// before and behind: for AT, which touches only tables.
  func far(using generator: inout SeededGenerator) -> AddressSpace {
    var space = AddressSpace(mode: mode)
    let page = mode.smallestPage.byteCount.value
    for number in 0..<8 {
      let size = paging.pageSizes[number % paging.pageSizes.count]
      let unit = size.byteCount.value
      let head = page * UInt64.random(in: 0...3, using: &generator)
      let count = head + unit * UInt64.random(in: 1...2, using: &generator) + page * (UInt64(number) % 3)
      let place = place(of: size, using: &generator).value &- head
      let physical = UInt64.random(in: 0...mode.greatestPhysicalAddress, using: &generator) & ~(unit - 1) &- head
      guard let virtual = VirtualRange(start: VirtualAddress(place), count: ByteCount(count)) else { continue }
      try? space.add(
        MappingIntent(
          virtual: virtual, physical: PhysicalAddress(truncating: physical),
          access: [.read, .readWrite, .readExecute].randomElement(using: &generator)!,
          cache: Bool.random(using: &generator) ? .uncacheable : .writeBack, isUser: Bool.random(using: &generator),
          isGlobal: Bool.random(using: &generator), largestPage: size, name: "far \(number)"))
    }
    return space
  }

  /// A multiple of a page size in the half.
  func place(of size: PageSize, using generator: inout SeededGenerator) -> VirtualAddress {
    let raw = generator.next() & ~(size.byteCount.value - 1)
    return VirtualAddress(mode.addressForm.extend(raw, bits: mode.virtualBits))
  }

  /// Both sides of both ends of every piece and of its large pages, addresses inside, and some anywhere.
  func addresses(of pieces: [MappingIntent], using generator: inout SeededGenerator) -> [UInt64] {
    var addresses: [UInt64] = []
    for piece in pieces {
      let start = piece.virtual.start.value
      let last = start &+ (piece.virtual.count.value - 1)
      addresses += [start &- 1, start, last, last &+ 1]
      for size in paging.pageSizes {
        let unit = size.byteCount.value
        let edge = (start | (unit - 1)) &+ 1
        if edge > start, edge <= last { addresses += [edge - 1, edge] }
        let lastEdge = last & ~(unit - 1)
        if lastEdge > start, lastEdge != edge { addresses += [lastEdge - 1, lastEdge] }
      }
      for _ in 0..<4 { addresses.append(UInt64.random(in: start...last, using: &generator)) }
    }
    for _ in 0..<4 { addresses.append(mode.addressForm.extend(generator.next(), bits: mode.virtualBits)) }
    return addresses
  }
}

extension AArch64Trial {
  /// Probes what tables should say according to a model; Perch's answers have to agree with the model, too.
  func add(_ regime: AArch64Regime, model: IntentModel, at addresses: [UInt64]) {
    compareRuns(regime, model)
    add(
      regime, at: addresses,
      checking: { probe, verdict in
        let piece = model.piece(at: probe.address)
        var isRight: Bool
        switch verdict {
        case .reaches(let place, let attribute, _):
          let expected: UInt64 = piece?.cache == .uncacheable ? 0 : 0xff
          isRight = piece != nil && place == model.physical(probe.address) && attribute == expected
        case .faults: isRight = verdict.kind == (piece == nil ? .translation : .permission)
        }
        let isAllowed = piece?.rights(under: regime.controls).contains(probe.neededRight) ?? false
        isRight = isRight && isAllowed == (verdict.kind == nil)
        if !isRight { complain(regime, "\(probe): Perch \(verdict), intended \(String(describing: piece))") }
      })
  }

  /// Every byte of the model lies in one run that takes it where it should go; there are no other bytes.
  private func compareRuns(_ regime: AArch64Regime, _ model: IntentModel) {
    let (runs, report) = tables(regime).runs()
    if report.summary.problemCount != 0 { complain(regime, "problems: \(report.problems)") }
    var mapped: UInt64 = 0
    for run in runs {
      mapped += run.virtual.count.value
      var next = run.virtual.start.value
      var left = run.virtual.count.value
      while left > 0 {
        guard let piece = model.piece(at: next),
          model.physical(next) == run.physical.value + (next &- run.virtual.start.value),
          piece.rights(under: regime.controls) == run.rights
        else {
          complain(regime, "run \(run) is not intended at \(Self.hex(next))")
          break
        }
        let step = min(left, piece.virtual.count.value - (next - piece.virtual.start.value))
        next &+= step
        left -= step
      }
    }
    if mapped != model.pieces.reduce(0, { $0 + $1.virtual.count.value }) {
      complain(regime, "\(mapped) bytes in runs, which are not those intended")
    }
  }
}
