import AddressSpace
import Addresses
import PageTables

/// One leaf as the model has it. A Svnapot page is 16 of them, each 4 KiB and contiguous.
struct ModelPage: Hashable {
  var virtual: UInt64
  var physical: UInt64
  var size: PageSize
  var rights: EffectiveRights
  var attributes: PageAttributes

  var bytes: UInt64 { size.byteCount.value }
  var last: UInt64 { virtual + (bytes - 1) }
  var isContiguous: Bool { attributes.isContiguous }

  mutating func leaveGroup() {
    attributes = PageAttributes(
      memoryType: attributes.memoryType.rawValue, isGlobal: attributes.isGlobal,
      shareability: attributes.shareability, protectionKey: attributes.protectionKey)
  }
}

extension PagingMode {
  /// Page after page, at each address the largest that fits: the definition, without any arithmetic on ranges. A page is
  /// in a group where the intent holds all of an aligned group, at an aligned place.
  func naivePages(of intent: MappingIntent) -> [ModelPage] {
    let sizes = pageSizes.filter { $0 <= intent.largestPage || $0 == smallestPage }
    let rights = rights(intent.access, isUser: intent.isUser)
    let alone = attributes(intent, isContiguous: false)
    let grouped = attributes(intent, isContiguous: true)
    let start = intent.virtual.start.value
    let count = intent.virtual.count.value
    var pages: [ModelPage] = []
    var offset: UInt64 = 0
    while offset < count {
      let virtual = start + offset
      let physical = intent.physical.value + offset
      let size = sizes.last {
        let bytes = $0.byteCount.value
        return virtual % bytes == 0 && physical % bytes == 0 && count - offset >= bytes
      }!
      let group = size.byteCount.value * groupCount(size)
      let into = virtual % group
      let isGrouped =
        groupCount(size) > 1 && physical % group == into && into <= offset && count - (offset - into) >= group
      pages.append(
        ModelPage(
          virtual: virtual, physical: physical, size: size, rights: rights, attributes: isGrouped ? grouped : alone))
      offset += size.byteCount.value
    }
    return pages
  }

  func naivePages(of space: AddressSpace) -> [ModelPage] { space.mappings.flatMap { naivePages(of: $0) } }

  /// Cuts runs into leaves.
  func pages(of runs: [TranslationRun]) -> [ModelPage] {
    var pages: [ModelPage] = []
    for run in runs {
      var isGroup = false
      if case .riscv = self { isGroup = run.pageSize == .size64KiB }
      let size = isGroup ? .size4KiB : run.pageSize
      for offset in stride(from: 0, to: run.virtual.count.value, by: Int(size.byteCount.value)) {
        pages.append(
          ModelPage(
            virtual: run.virtual.start.value + offset, physical: run.physical.value + offset, size: size,
            rights: run.rights, attributes: run.attributes))
      }
    }
    return pages
  }

  /// The pages after a change of a range: those that reach beyond it are split until none does, and groups that do are
  /// dissolved. `change` answers what becomes of a page inside the range.
  func naiveChange(
    _ pages: [ModelPage], in range: VirtualRange, _ change: (ModelPage) -> ModelPage?
  ) -> [ModelPage] {
    let first = range.start.value
    let last = first + (range.count.value - 1)
    return pages.flatMap { page -> [ModelPage] in
      var page = page
      let group = page.bytes * groupCount(page.size)
      let groupFirst = page.virtual / group * group
      let groupLast = groupFirst + (group - 1)
      let isTouched = groupFirst <= last && first <= groupLast
      if page.isContiguous, isTouched, groupFirst < first || groupLast > last { page.leaveGroup() }
      guard page.virtual <= last, first <= page.last else { return [page] }
      if page.virtual >= first, page.last <= last { return change(page).map { [$0] } ?? [] }
      let smaller = pageSizes.last { $0 < page.size }!
      let parts = stride(from: 0, to: page.bytes, by: Int(smaller.byteCount.value)).map { offset in
        var part = page
        part.virtual += offset
        part.physical += offset
        part.size = smaller
        return part
      }
      return naiveChange(parts, in: range, change)
    }
  }
}

/// The first difference, as text.
func difference(_ found: [ModelPage], _ expected: [ModelPage]) -> String? {
  if found == expected { return nil }
  for (one, other) in zip(found, expected) where one != other { return "found \(one), expected \(other)" }
  return found.count > expected.count
    ? "found one more: \(found[expected.count])" : "missing: \(expected[found.count])"
}
