import AddressSpace
import Addresses
import PageTables
import Placement

/// Merges planned mappings with live translations, both in ascending order and free of overlaps.
///
///     planned   ├──── A ────┤        ├──── B ────┤
///     live            ├── 1 ──┤──── 2 ─────┤
///               missing both  extra  both   missing
struct TranslationComparison {
  private let intents: [MappingIntent]
  private let format: PagingFormat
  private(set) var report: VerificationReport
  /// The intent of which something is still to be compared, and the first address of that.
  private var index = 0
  private var position: UInt64

  init(intents: [MappingIntent], format: PagingFormat, report: VerificationReport) {
    self.intents = intents
    self.format = format
    self.report = report
    position = intents.first?.virtual.start.value ?? 0
  }

  /// Takes the next live run.
  mutating func take(_ run: TranslationRun) {
    guard let last = run.virtual.last?.value else { return }
    var at = run.virtual.start.value
    while true {
      while let end = intentEnd, end < at { noteMissing(to: end) }
      guard let end = intentEnd, position <= last else {
        noteExtra(run, at, last)
        return
      }
      if position < at { noteMissing(to: at - 1) }
      if at < position {
        noteExtra(run, at, position - 1)
        at = position
      }
      let common = min(last, end)
      compare(run, intents[index], at, common)
      advance(past: common)
      if common == last { return }
      at = common + 1
    }
  }

  /// What is left of the plan is not mapped.
  mutating func finish() {
    while let end = intentEnd { noteMissing(to: end) }
  }

  private var intentEnd: UInt64? { index < intents.count ? intents[index].virtual.last?.value ?? position : nil }

  private mutating func advance(past address: UInt64) {
    if address != intentEnd {
      position = address + 1
      return
    }
    index += 1
    if index < intents.count { position = intents[index].virtual.start.value }
  }

  private mutating func noteMissing(to end: UInt64) {
    let intent = intents[index]
    let physical = intent.physical.value &+ (position &- intent.virtual.start.value)
    report.note(
      .missingMapping, at: describe(position, end), owner: intent.name,
      expected: "physical \(hex(physical)), \(describe(rights(of: intent)))", found: "not mapped")
    advance(past: end)
  }

  private mutating func noteExtra(_ run: TranslationRun, _ first: UInt64, _ last: UInt64) {
    countPages(run, first, last)
    let physical = run.physical.value &+ (first &- run.virtual.start.value)
    report.note(
      .extraMapping, at: describe(first, last), expected: "not mapped",
      found: "physical \(hex(physical)), \(describe(run.rights))")
  }

  private mutating func compare(_ run: TranslationRun, _ intent: MappingIntent, _ first: UInt64, _ last: UInt64) {
    countPages(run, first, last)
    let place = describe(first, last)
    let expected = intent.physical.value &+ (first &- intent.virtual.start.value)
    let found = run.physical.value &+ (first &- run.virtual.start.value)
    if expected != found {
      report.note(.physicalAddress, at: place, owner: intent.name, expected: hex(expected), found: hex(found))
    }
    if run.rights != rights(of: intent) {
      report.note(
        .rights, at: place, owner: intent.name, expected: describe(rights(of: intent)), found: describe(run.rights))
    }
    if format.policy(of: run.attributes.memoryType) != intent.cache {
      report.note(
        .cachePolicy, at: place, owner: intent.name, expected: "\(intent.cache)",
        found: "memory type index \(run.attributes.memoryType.rawValue)")
    }
    if run.pageSize > intent.largestPage {
      report.note(
        .pageSize, at: place, owner: intent.name, expected: "at most \(hex(intent.largestPage.byteCount))",
        found: hex(run.pageSize.byteCount))
    }
  }

  /// Pages that begin in a part of a run, and the one that reaches into it.
  private mutating func countPages(_ run: TranslationRun, _ first: UInt64, _ last: UInt64) {
    let shift = UInt64(run.pageSize.rawValue)
    let begins = first == run.virtual.start.value || first & run.pageSize.alignment.mask == 0
    report.pagesCompared += (last >> shift) - (first >> shift) + (begins ? 1 : 0)
  }

  private func rights(of intent: MappingIntent) -> EffectiveRights {
    format.rights(of: intent.kind)
  }

  private func describe(_ rights: EffectiveRights) -> String {
    "\(rights)"
  }

  private func describe(_ first: UInt64, _ last: UInt64) -> String {
    "virtual [\(hex(first)), \(hex(last &+ 1)))"
  }
}
