import Perch
import TestSupport

@testable import Machines

/// Real accesses in the probe guest, and what each has to end with.
///
/// Accesses are words at multiples of 8, so that none crosses a page: before a boundary comes the last word of the page
/// in front of it, behind it the first word of the next.
struct X86GuestRun {
  var stage: X86Stage
  /// Where words are known.
  var marked = [X86Stage.marked]
  private var marks = X86MarkedMemory()
  private var sets: [ProbeSet] = []
  private var wanted: [[(status: UInt64, value: UInt64?)]] = []
  private var serial: UInt64 = 0
  /// What went wrong before the guest ran: where two ways to say what should happen differ.
  private(set) var differences = X86Differences()

  /// How wide a physical address of the emulated processor is (CPUID 80000008H of QEMU's `max`).
  static let physicalBits = 40

  init() throws { stage = try X86Stage() }

  static func format(_ paging: X86Paging) -> PagingFormat {
    paging.format(paging.controls(physicalBits: physicalBits, gigabytePages: true))
  }

  /// Adds all accesses to some addresses under one state of the control registers.
  ///
  /// - Parameters:
  ///   - physical: where a model says that an address leads, if it has an opinion.
  ///   - allows: whether a model lets an access through, if it has an opinion.
  mutating func add(
    _ tables: TranslationTables<PagingFormat, X86FileTables>, _ paging: X86Paging, addresses: [UInt64],
    kinds: [Probe.Kind] = [.load, .store, .execute], physical: ((UInt64) -> UInt64?)? = nil,
    allows: ((Probe) -> Bool)? = nil
  ) {
    var set = ProbeSet(control: [tables.root.value, paging.cr4, paging.efer, paging.cr0], probes: [])
    var results: [(status: UInt64, value: UInt64?)] = []
    for address in addresses {
      let outcome = tables.resolve(VirtualAddress(unchecked: address))
      let place = physical.map { $0(address) } ?? Self.place(outcome)
      if place != Self.place(outcome) {
        differences.note("\(x86Hexadecimal(address)) intended \(x86Hexadecimal(place)), Perch \(outcome)")
      }
      for kind in kinds {
        for isUser in [false, true] {
          let probe = Probe(address: address, kind: kind, isUser: isUser, operand: nextOperand())
          let status = paging.status(of: probe, resolvedAs: outcome)
          if let allows, allows(probe) != (status == 0) { differences.note("\(probe) intended \(allows(probe))") }
          set.probes.append(probe)
          results.append((status, status == 0 ? value(probe, at: place, paging) : 0))
        }
      }
    }
    sets.append(set)
    wanted.append(results)
  }

  /// A word like no other, which can be executed too.
  private mutating func nextOperand() -> UInt64 {
    serial += 1
    return serial << 32 | (serial & 0xffff) << 16 | X86MarkedMemory.code
  }

  private static func place(_ outcome: Resolution) -> UInt64? {
    guard case .mapped(let byte) = outcome else { return nil }
    return byte.physical.value
  }

  /// What a successful access gives, as far as the memory behind it is known.
  private mutating func value(_ probe: Probe, at place: UInt64?, _ paging: X86Paging) -> UInt64? {
    guard let place, marked.contains(where: { $0.contains(PhysicalAddress(place)) }) else { return nil }
    let old = marks.load(place, size: paging.wordSize)
    switch probe.kind {
    case .load: return old
    case .store: marks.store(probe.operand, at: place, size: paging.wordSize)
    default: break
    }
    return 0
  }

  /// Starts the guest and compares.
  func run(memory size: ByteCount = .mebibytes(256)) throws -> X86Differences {
    var found = differences
    let results = try runProbes(.x86, memory: size, sets: sets) { memory in
      stage.copy(to: memory, marks: marks)
    } inspect: { memory in
      for (address, word) in marks.current where memory.loadEntry(at: PhysicalAddress(address)) != word {
        found.note("memory at \(x86Hexadecimal(address)) is not \(x86Hexadecimal(word))")
      }
    }
    for (index, set) in sets.enumerated() {
      for (number, probe) in set.probes.enumerated() {
        compare(results[index][number], wanted[index][number], &found, of: "set \(index): \(probe)")
      }
    }
    return found
  }

  private func compare(
    _ result: ProbeResult, _ wanted: (status: UInt64, value: UInt64?), _ found: inout X86Differences,
    of name: @autoclosure () -> String
  ) {
    // Of an entry with reserved bits the SDM says P = 1; the emulator says 0.
    let ignored: UInt64 = wanted.status >> 63 == 1 && wanted.status & 8 != 0 ? 1 : 0
    found.compared += 1
    let isSame = result.status | ignored == wanted.status | ignored && result.value == wanted.value ?? result.value
    guard !isSame else { return }
    found.note(
      "\(name()): status \(x86Hexadecimal(result.status)) value \(x86Hexadecimal(result.value)), not "
        + "\(x86Hexadecimal(wanted.status)) \(x86Hexadecimal(wanted.value))")
  }
}
