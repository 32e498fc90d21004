import AddressSpace
import Addresses
import PageTables
import Testing

/// Entries written by hand, legal and reserved, one at a time: a hart and Perch answer each as the specification does
/// (RISC-V privileged specification, 12.3.2 and 12.4.1). The processor has neither Svnapot nor Svpbmt; where it has
/// one, QEMU 7.2 ignores bits 60:54, and with Svpbmt also takes PBMT 3 and PBMT without menvcfg.PBMTE.
@Suite struct RISCVEntryTests {
  /// The page that everything leads to: no superpage begins there.
  private static let target: UInt64 = 0xc123_4000

  @Test(arguments: RISCVPaging.allCases)
  func everyEntry(paging: RISCVPaging) throws {
    var maker = EntryMaker(paging: paging, target: Self.target)
    for level in 1...maker.levels {
      maker.addLeaves(at: level)
      maker.addReservedLeaves(at: level)
      maker.addPointers(at: level)
    }
    maker.addPlacesWithoutMemory()
    var judge = HartJudge(trials: maker.trials, tables: [maker.area.placed])
    let verdict = try judge.judge()
    #expect(verdict.disagreements.isEmpty, "\(verdict.summary)")
    #expect(verdict.reached > 300 && verdict.faulted > 1000, "\(verdict.reached), \(verdict.faulted)")
  }
}

/// Makes tables around single entries, with arithmetic of its own.
private struct EntryMaker {
  enum Bit {
    static let valid: UInt64 = 1
    static let read: UInt64 = 2
    static let write: UInt64 = 4
    static let execute: UInt64 = 8
    static let user: UInt64 = 16
    static let global: UInt64 = 32
    static let accessed: UInt64 = 64
    static let dirty: UInt64 = 128
    static let all: UInt64 = read | write | execute
  }

  let state: HartState
  let target: UInt64
  let levels: Int
  let area = TableArea(base: HartRAM.tables, frames: 2048)
  private var usedFrames = 0
  private(set) var trials: [HartTrial] = []

  init(paging: RISCVPaging, target: UInt64) {
    state = HartState(paging: paging, root: 0)
    self.target = target
    levels = (paging.rawValue - 12) / 9
  }

  // MARK: Cases

  /// Every legal combination of R, W, X and U; G, RSW, and A and D still to be set.
  mutating func addLeaves(at level: Int) {
    let rights = [Bit.read, Bit.read | Bit.write, Bit.read | Bit.execute, Bit.all, Bit.execute]
    for right in rights {
      for user in [0, Bit.user] {
        let bits = right | user | Bit.valid
        addLeaf("leaf", leaf(bits | Bit.accessed | Bit.dirty, at: level), at: level, grants: bits)
      }
    }
    let bits = Bit.valid | Bit.all
    for extra in [0, Bit.global, 1 << 8, 2 << 8, Bit.accessed, Bit.dirty] {
      addLeaf("leaf with \(extra)", leaf(bits | extra, at: level), at: level, grants: bits)
    }
  }

  /// W without R, bits 63:54, and a superpage that is not a multiple of its size.
  mutating func addReservedLeaves(at level: Int) {
    let usual = Bit.valid | Bit.accessed | Bit.dirty
    for user in [0, Bit.user] {
      addLeaf("W", leaf(usual | Bit.write | user, at: level), at: level, grants: nil)
      addLeaf("W and X", leaf(usual | Bit.write | Bit.execute | user, at: level), at: level, grants: nil)
    }
    for bit in 54..<64 as Range<UInt64> {
      addLeaf("leaf with bit \(bit)", leaf(usual | Bit.all | 1 << bit, at: level), at: level, grants: nil)
    }
    // PPN bits below those of the level: 9 for each level above the last, from bit 10.
    for bit in 10..<10 + 9 * UInt64(level - 1) {
      let entry = leaf(usual | Bit.all, at: level) | 1 << bit
      addLeaf("leaf misaligned by bit \(bit)", entry, at: level, grants: nil)
    }
    addLeaf("absent", leaf(usual | Bit.all, at: level) & ~Bit.valid, at: level, grants: nil)
  }

  /// Pointers on the way to a page: G and RSW are allowed, U, A, D and bits 63:54 are not. At the last level there is
  /// nothing to point to, not even where a table full of pages lies there.
  mutating func addPointers(at level: Int) {
    let page = leaf(Bit.valid | Bit.all | Bit.accessed | Bit.dirty, at: 1)
    let allowed = [0, Bit.global, 1 << 8, 2 << 8]
    for extra in allowed + [Bit.user, Bit.accessed, Bit.dirty] + (54..<64).map({ 1 << $0 }) {
      let root: UInt64
      if level > 1 {
        root = chain(page, at: 1, extra, inPointerOf: level)
      } else {
        let below = frame()
        for index in 0..<512 as Range<UInt64> { store(page, in: below, 1, for: index << 12) }
        root = chain(below >> 2 | Bit.valid | extra, at: 1)
      }
      let grants = level > 1 && allowed.contains(extra) ? Bit.all : nil
      add("pointer with 0x\(String(extra, radix: 16)) at level \(level)", root, at: 1, grants: grants)
    }
  }

  /// A leaf that leads where there is no memory is an access fault, but only for those who may use it. A table where
  /// there is none would be one too (12.3.2, step 2: a violation of PMA or PMP); QEMU answers with a page fault.
  mutating func addPlacesWithoutMemory() {
    let nowhere: UInt64 = 1 << 55
    let leaf = nowhere >> 2 | Bit.valid | Bit.read | Bit.execute | Bit.accessed
    add("leaf outside memory", chain(leaf, at: 1), at: 1, grants: Bit.read | Bit.execute, physical: nowhere)
    for level in 2...levels {
      let root = chain(nowhere >> 2 | Bit.valid, at: level)
      add("table outside memory at level \(level)", root, at: 1, grants: nil)
    }
  }

  // MARK: Tables

  private func shift(_ level: Int) -> UInt64 { 12 + 9 * UInt64(level - 1) }
  private func sizeMask(_ level: Int) -> UInt64 { (1 << shift(level)) - 1 }

  /// The address that is tried: index 300 in the root, so in the upper half, 5 and more below; in a page of any size,
  /// it leads to the target's place in it.
  private func address(at level: Int) -> UInt64 {
    var address: UInt64 = ~0 << shift(levels + 1) | 300 << shift(levels)
    for below in 1..<levels { address |= UInt64(4 + below) << shift(below) }
    return address & ~sizeMask(level) | target & sizeMask(level)
  }

  private func leaf(_ bits: UInt64, at level: Int) -> UInt64 { (target & ~sizeMask(level)) >> 2 | bits }

  private mutating func frame() -> UInt64 {
    usedFrames += 1
    return area.base + UInt64(usedFrames - 1) * 4096
  }

  private func store(_ entry: UInt64, in table: UInt64, _ level: Int, for address: UInt64) {
    let index = address >> shift(level) & 511
    precondition(area.storeEntry(entry, at: PhysicalAddress(table + index * 8)), "room for the table")
  }

  /// Tables from a root down to an entry of this level; returns the root. The pointer of one level has extra bits.
  private mutating func chain(
    _ entry: UInt64, at level: Int, _ extra: UInt64 = 0, inPointerOf pointerLevel: Int? = nil
  ) -> UInt64 {
    let root = frame()
    var table = root
    for above in stride(from: levels, to: level, by: -1) {
      let next = frame()
      let bits = above == pointerLevel ? extra | Bit.valid : Bit.valid
      store(next >> 2 | bits, in: table, above, for: address(at: level))
      table = next
    }
    store(entry, in: table, level, for: address(at: level))
    return root
  }

  private mutating func addLeaf(_ name: String, _ leaf: UInt64, at level: Int, grants: UInt64?) {
    add("\(name) at level \(level)", chain(leaf, at: level), at: level, grants: grants)
  }

  /// - Parameter grants: R, W, X and U of the leaf; nil where every access is a page fault.
  private mutating func add(
    _ name: String, _ root: UInt64, at level: Int, grants: UInt64?, physical: UInt64? = nil
  ) {
    var state = state
    state.root = root
    let accesses = HartAccess.all(near: address(at: level))
    for state in state.variants {
      let entries = accesses.map { access in
        let place = (physical ?? target) | access.address & 0xfff
        let passes = grants.map { Self.passes(access, $0, state) } ?? false
        let good = HartRAM.contains(place) ? HartOutcome.reaches(place) : .faults(cause: access.accessFault)
        return HartTrial.Entry(
          access: access, expected: passes ? good : .faults(cause: access.pageFault),
          resolved: state.resolved(access, in: area), physical: place)
      }
      trials.append(HartTrial(name, state: state, entries: entries))
    }
  }

  /// 12.3.2, steps 6 and 7, with SUM and MXR of 12.1.1.2.
  private static func passes(_ access: HartAccess, _ leaf: UInt64, _ state: HartState) -> Bool {
    let isUsers = leaf & Bit.user != 0
    guard access.isUser ? isUsers : !isUsers || state.sum && access.kind != .execute else { return false }
    return switch access.kind {
    case .load, .translate: leaf & Bit.read != 0 || state.mxr && leaf & Bit.execute != 0
    case .store: leaf & Bit.write != 0
    case .execute: leaf & Bit.execute != 0
    }
  }
}
