import Perch
import TestSupport

/// What map, unmap and protect should leave behind: a dictionary of 4 KiB pages.
struct X86EditModel {
  struct Page: Equatable {
    var physical: UInt64
    var access: Access
    var isUser: Bool
  }

  static let pageSize: UInt64 = 0x1000
  var pages: [UInt64: Page] = [:]

  enum Edit {
    case map(PhysicalAddress, PageKind, largest: PageSize)
    case unmap
    case protect(Access)
  }

  func physical(of address: UInt64) -> UInt64? { pages[address / Self.pageSize].map { $0.physical + address % 0x1000 } }

  /// - Returns: why the edit has to be refused, nil where it was done.
  mutating func apply(_ edit: Edit, to range: VirtualRange) -> TableEditError.Reason? {
    let first = range.start.value / Self.pageSize
    let numbers = first..<first + range.count.value / Self.pageSize
    switch edit {
    case .map(let physical, let kind, _):
      guard !numbers.contains(where: { pages[$0] != nil }) else { return .alreadyMapped }
      for (index, number) in numbers.enumerated() {
        let place = physical.value + UInt64(index) * Self.pageSize
        pages[number] = Page(physical: place, access: kind.access, isUser: kind.isUser)
      }
    case .unmap: for number in numbers { pages[number] = nil }
    case .protect(let access):
      guard !numbers.contains(where: { pages[$0] == nil }) else { return .notMapped }
      for number in numbers { pages[number]?.access = access }
    }
    return nil
  }
}

/// Random edits of a few places in an address space.
struct X86EditRecipe {
  /// Where edits happen: each of a few large pages. A place is the user's or the supervisor's: a table that was made
  /// for the supervisor keeps users away from all its pages.
  var places: [(range: VirtualRange, isUser: Bool)]
  var physical: PhysicalRange
  var pageSizes: [PageSize]

  private static let accesses: [Access] = [.read, .readWrite, .readExecute, .readWriteExecute(because: .segmentFlags)]

  func edit(using generator: inout SeededGenerator) -> (X86EditModel.Edit, VirtualRange) {
    let (place, isUser) = places.randomElement(using: &generator)!
    let unit = UInt8.random(in: 0..<3, using: &generator) == 0 ? 0x1000 : pageSizes[1].byteCount.value
    // A few small pages, or up to three large ones, from a large page's boundary or from anywhere.
    let count =
      unit == 0x1000
      ? UInt64.random(in: 1...40, using: &generator) * unit : UInt64.random(in: 1...3, using: &generator) * unit
    let slack = place.count.value - count
    var offset = UInt64.random(in: 0...slack / 0x1000, using: &generator) * 0x1000
    if Bool.random(using: &generator) { offset &= ~(unit - 1) }
    let range = VirtualRange(uncheckedStart: VirtualAddress(place.start.value + offset), count: ByteCount(count))
    switch UInt8.random(in: 0..<8, using: &generator) {
    case 0..<4: return (mapping(range, isUser, using: &generator), range)
    case 4..<6: return (.unmap, range)
    default: return (.protect(Self.accesses.randomElement(using: &generator)!), range)
    }
  }

  private func mapping(
    _ range: VirtualRange, _ isUser: Bool, using generator: inout SeededGenerator
  ) -> X86EditModel.Edit {
    let unit = pageSizes[1].byteCount.value
    let room = physical.count.value - range.count.value - unit
    var target = physical.start.value + UInt64.random(in: 0...room / 0x1000, using: &generator) * 0x1000
    // Mostly where large pages are possible.
    if UInt8.random(in: 0..<4, using: &generator) != 0 {
      target = (target & ~(unit - 1)) + unit + (range.start.value & (unit - 1))
      if target > physical.start.value + room { target -= unit }
    }
    let kind = PageKind(Self.accesses.randomElement(using: &generator)!, isUser: isUser)
    return .map(PhysicalAddress(target), kind, largest: pageSizes.randomElement(using: &generator)!)
  }
}

extension X86EditRecipe {
  /// Places around those where tables of each level meet, and at the ends of both halves.
  static func places(in mode: PagingMode) -> [(range: VirtualRange, isUser: Bool)] {
    let top = mode.addressForm.extend(.max, bits: mode.virtualBits) - 0xff_ffff
    let starts: [UInt64] =
      mode.virtualBits == 32
      ? [0x3f80_0000, top]
      : [
        0x3f80_0000, 0x7f_ff80_0000, mode.addressForm.extend(1 << UInt64(mode.virtualBits - 1), bits: mode.virtualBits),
        top,
      ]
    return starts.enumerated().map { index, start in
      (VirtualRange(uncheckedStart: VirtualAddress(start), count: .mebibytes(16)), index < starts.count / 2)
    }
  }
}

extension TranslationTables where Memory: WritableTableMemory {
  /// - Returns: why Perch refused.
  func apply(
    _ edit: X86EditModel.Edit, to range: VirtualRange, frames: inout FrameRange
  ) -> TableEditError.Reason? {
    do throws(TableEditError) {
      switch edit {
      case .map(let physical, let kind, let largest):
        try map(range, to: physical, as: kind, largest: largest, frames: &frames)
      case .unmap: try unmap(range, frames: &frames)
      case .protect(let access): try protect(range, as: access, frames: &frames)
      }
      return nil
    } catch { return error.reason }
  }
}
