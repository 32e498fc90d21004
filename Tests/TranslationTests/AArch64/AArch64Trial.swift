import AddressSpace
import Addresses
import Machines
import PageTables

/// One run of a real processor over many tables: what Perch says of each access is written down, then the guest makes
/// them all, then both are compared.
///
///     0x4000_0000 ┌───────────────────────────────┐
///                 │ guest, mailbox, probes        │
///     0x4100_0000 ├───────────────────────────────┤
///                 │ tables                        │
///     0x4a00_0000 ├───────────────────────────────┤
///                 │ where real accesses may go    │
///     0x8000_0000 └───────────────────────────────┘
final class AArch64Trial {
  static let guest = ProbeGuest.aarch64
  static let accessible = PhysicalRange(uncheckedStart: PhysicalAddress(0x4a00_0000), count: ByteCount(0x3600_0000))

  let memory = SparseMemory(PhysicalRange(uncheckedStart: PhysicalAddress(0x4000_0000), count: .mebibytes(1024)))
  private var frames = FrameRange(
    PhysicalRange(uncheckedStart: PhysicalAddress(guest.free), count: ByteCount(0x900_0000)), frameSize: .kibibytes(64))
  private var sets: [ProbeSet] = []
  private var regimes: [AArch64Regime] = []
  private var verdicts: [[AArch64Verdict]] = []
  /// Words that get marks, and those of them that probes overwrite.
  private var marked: Set<UInt64> = []
  private var stored: Set<UInt64> = []

  /// What contradicts what, with the evidence; the first few.
  private(set) var complaints: [String] = []
  /// The sets in which the processor disagreed, by number.
  private(set) var disputedSets: Set<Int> = []
  private(set) var probeCount = 0
  /// How many probes had which end.
  private(set) var reachedCount = 0
  private(set) var faultCounts: [AArch64FaultKind: Int] = [:]

  /// A place for tables: neighbours of 64 KiB, which is good for every granule.
  func takeFrames(_ count: UInt64 = 1) -> UInt64 {
    let taken = (0..<count).compactMap { _ in frames.takeFrame(for: .pageTable) }
    precondition(count > 0 && taken.count == Int(count), "there is room for the tables")
    return taken[0].value
  }

  func tables(_ regime: AArch64Regime) -> TranslationTables<AArch64Format, SparseMemory> {
    TranslationTables(format: regime.format, memory: memory, root: PhysicalAddress(regime.root))
  }

  private static let complaintLimit = 6

  static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  func complain(_ regime: AArch64Regime, _ words: String) {
    if complaints.count < Self.complaintLimit { complaints.append("\(regime.paging.words): \(words)") }
  }

  /// Writes down a set of probes: at addresses, as far as they are of the half that is tested.
  ///
  /// Perch answers from `tables`, which are those of the processor unless a test wants to see that a difference is found.
  func add(
    _ regime: AArch64Regime, at addresses: [UInt64], tables: TranslationTables<AArch64Format, SparseMemory>? = nil,
    allowing isAllowed: (Probe, Translation) -> Bool = { _, _ in true },
    checking check: (Probe, AArch64Verdict) -> Void = { _, _ in }
  ) {
    let tables = tables ?? self.tables(regime)
    var set = ProbeSet(control: regime.control, probes: [])
    var answers: [AArch64Verdict] = []
    for address in addresses where regime.has(address) {
      for probe in probes(at: address, tables) {
        let translation = tables.translate(VirtualAddress(probe.address))
        guard isAllowed(probe, translation) else { continue }
        if translation.outcome != tables.resolve(VirtualAddress(probe.address)) {
          complain(regime, "translate and resolve differ at \(Self.hex(probe.address))")
        }
        let verdict = AArch64Verdict.perch(translation, of: probe, by: tables.format)
        check(probe, verdict)
        note(probe, verdict)
        set.probes.append(probe)
        answers.append(verdict)
      }
    }
    sets.append(set)
    regimes.append(regime)
    verdicts.append(answers)
    probeCount += answers.count
  }

  /// AT everywhere; real accesses where nothing is mapped, and where it leads to memory that is free for them.
  private func probes(at address: UInt64, _ tables: TranslationTables<AArch64Format, SparseMemory>) -> [Probe] {
    var probes = [(false, false), (false, true), (true, false), (true, true)].map { isUser, isWrite in
      Probe(address: address, kind: .translate, isUser: isUser, isWrite: isWrite)
    }
    // Loads and stores are aligned, so that none crosses the end of a page.
    let word = address & ~15
    let translation = tables.translate(VirtualAddress(word))
    var place: UInt64 = 0
    if case .mapped(let byte) = translation.outcome {
      guard Self.accessible.contains(byte.physical) else { return probes }
      place = byte.physical.value
      marked.formUnion([place, place | 8])
    }
    for isUser in [false, true] {
      probes.append(Probe(address: word, kind: .load, isUser: isUser))
      probes.append(Probe(address: word | 8, kind: .store, isUser: isUser, operand: AArch64Marks.stored(place | 8)))
      // What instruction fetches from devices bring is not defined (Arm ARM, B2, “Device memory”).
      if !isDevice(translation, tables.format.controls) {
        probes.append(Probe(address: word, kind: .execute, isUser: isUser, operand: 0x1234_5678))
      }
    }
    return probes
  }

  private func isDevice(_ translation: Translation, _ controls: AArch64Controls) -> Bool {
    guard case .mapped(let byte) = translation.outcome else { return false }
    let index = UInt64(byte.attributes.memoryType.rawValue)
    return index != 7 && controls.memoryAttributes >> (8 * index) & 0xf0 == 0
  }

  private func note(_ probe: Probe, _ verdict: AArch64Verdict) {
    if let kind = verdict.kind { faultCounts[kind, default: 0] += 1 }
    guard case .reaches(let place, _, _) = verdict else { return }
    reachedCount += 1
    if probe.kind == .store { stored.insert(place) }
  }

  /// Lets the processor do it all, and compares.
  func judge() throws {
    let results = try runProbes(Self.guest, memory: .mebibytes(1024), sets: sets) { memory in
      self.memory.copy(to: memory)
      for place in marked { memory.storeEntry(AArch64Marks.word(place), at: PhysicalAddress(place)) }
    } inspect: { memory in
      for place in marked {
        let expected = stored.contains(place) ? AArch64Marks.stored(place) : AArch64Marks.word(place)
        let found = memory.loadEntry(at: PhysicalAddress(place)) ?? 0
        guard found != expected, complaints.count < Self.complaintLimit else { continue }
        complaints.append("at \(Self.hex(place)) is \(Self.hex(found)) instead of \(Self.hex(expected))")
      }
    }
    for (number, set) in sets.enumerated() {
      for (index, probe) in set.probes.enumerated() {
        compare(probe, verdicts[number][index], results[number][index], set: number)
      }
    }
  }

  private func compare(_ probe: Probe, _ verdict: AArch64Verdict, _ result: ProbeResult, set: Int) {
    let found = AArch64Verdict.processor(result, of: probe, expecting: verdict)
    guard found?.agrees(with: verdict) != true else { return }
    disputedSets.insert(set)
    let answer = found.map { "\($0)" } ?? "\(result)"
    let regime = regimes[set]
    complain(regime, "set \(set), \(probe): Perch \(verdict), processor \(answer), under \(regime.controls)")
  }
}
