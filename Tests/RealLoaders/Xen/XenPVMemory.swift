import AddressSpace
import Addresses
import BootProtocols
import Loaders
import Placement
import TestSupport

/// A domain's memory and registers as the model has them.
struct XenPVMemory {
  let entry: UInt64
  private let prediction: LoadPlan
  private let arrangement: XenArrangement
  private let pages: UInt64
  private let is64: Bool
  private let hasPAE: Bool
  private let initrd: [UInt8]?
  /// From pseudo-physical 0; nil where nothing is said.
  private var bytes: [UInt8?] = []

  /// Nil where the image does not run.
  init?(_ expectation: XenPVExpectation) {
    guard let prediction = expectation.verdict.prediction, let arrangement = expectation.verdict.arrangement else {
      return nil
    }
    self.prediction = prediction
    self.arrangement = arrangement
    entry = prediction.entry.address
    pages = 65536
    is64 = prediction.entry.mode == .xenPV64
    hasPAE = expectation.verdict.lines.contains { $0.hasPrefix(" Dom0 kernel: ") && $0.contains(", PAE") }
    initrd = expectation.initrd
    // What follows is the builder's.
    let list = arrangement.physicalToMachine.start.value
    let info = arrangement.startInfo.start.value
    let own = min(list >= base ? list : info, info) - base
    bytes = Array(repeating: nil, count: Int(own))
    let sources = (expectation.loaded, [expectation.initrd ?? []], prediction.blobs.map(\.bytes))
    for piece in prediction.pieces { write(piece, sources) }
  }

  private var base: UInt64 { arrangement.total.start.value }

  private mutating func write(_ piece: Piece, _ sources: (image: [UInt8], modules: [[UInt8]], blobs: [[UInt8]])) {
    let content: [UInt8] =
      switch piece.source {
      case .image(let range): Array(sources.image[Int(range.start.value)..<Int(range.endValue)])
      case .module(let index): sources.modules[index]
      case .blob(let index): sources.blobs[index]
      case .zero: []
      }
    let start = piece.destination.start.value
    for (index, byte) in (content + [UInt8](repeating: 0, count: Int(piece.zeroFill.value))).enumerated() {
      let place = start + UInt64(index)
      if place < UInt64(bytes.count) { bytes[Int(place)] = byte }
    }
  }

  /// Whether the domain's first instruction is a jump to itself.
  var spins: Bool {
    let place = entry &- base
    guard place < UInt64(bytes.count), UInt64(bytes.count) - place >= 2 else { return false }
    return bytes[Int(place)] == XenPVImage.spin[0] && bytes[Int(place) + 1] == XenPVImage.spin[1]
  }

  /// Pages of a mapped initrd, which are not in the chunk, in bytes.
  private var initrdExtent: UInt64 {
    arrangement.initrd.map { ($0.count.value + 4095) & ~4095 } ?? 0
  }

  /// Machine addresses: the chunk as far as the stack goes, and the initrd.
  func ranges(_ console: XenConsole) -> [Range<UInt64>] {
    guard let chunk = console.chunk else { return [] }
    var ranges = [chunk..<chunk + arrangement.stack.endValue - base - initrdExtent]
    if let start = console.initrd, let initrd { ranges.append(start..<start + UInt64(initrd.count)) }
    return ranges
  }

  /// The machine address of a pseudo-physical one: the initrd stays where it was, what follows it moves down.
  private func machineAddress(_ place: UInt64, _ console: XenConsole) -> UInt64 {
    let chunk = console.chunk ?? 0
    guard let initrd = arrangement.initrd else { return chunk + place }
    let start = initrd.start.value - base
    if place < start { return chunk + place }
    return place < start + initrdExtent ? (console.initrd ?? 0) + place - start : chunk + place - initrdExtent
  }

  func difference(_ machine: XenMachine, _ console: XenConsole) -> String? {
    registers(machine, console) ?? memory(machine, console) ?? startInfo(machine, console) ?? list(machine, console)
  }

  private func registers(_ machine: XenMachine, _ console: XenConsole) -> String? {
    for register in prediction.entry.registers {
      guard case .exactly(let value) = register.value else { continue }
      let found = machine.register(register.name)
      if found != value { return "\(register.name) is \(found?.swiftText ?? "?"), not \(value.swiftText)" }
    }
    let tables = machineAddress(arrangement.pageTables.start.value - base, console)
    let found = machine.register("cr3")
    return found == tables ? nil : "cr3 is \(found?.swiftText ?? "?"), the first table at \(tables.swiftText)"
  }

  private func memory(_ machine: XenMachine, _ console: XenConsole) -> String? {
    for (index, byte) in bytes.enumerated() {
      // Bytes in the last page of an initrd, behind it, and between pieces.
      guard let byte else { continue }
      let found = machine.byte(at: machineAddress(UInt64(index), console))
      if found != byte {
        return "pseudo-physical \(UInt64(index).swiftText): \(found.map { String($0, radix: 16) } ?? "not saved"), not "
          + String(byte, radix: 16)
      }
    }
    // An unmapped initrd lies behind the mapping.
    guard let initrd, arrangement.initrd == nil, let start = console.initrd else { return nil }
    let wrong = initrd.indices.first { machine.byte(at: start + UInt64($0)) != initrd[$0] }
    return wrong.map { "initrd, byte \($0)" }
  }

  /// `struct start_info` of a 64-bit domain (xen/include/public/xen.h).
  private func startInfo(_ machine: XenMachine, _ console: XenConsole) -> String? {
    let info = machineAddress(arrangement.startInfo.start.value - base, console)
    let magic = Array("xen-3.0-x86_64\(hasPAE ? "p" : "")\0".utf8)
    for (index, byte) in magic.enumerated() where machine.byte(at: info + UInt64(index)) != byte {
      return "start information: magic"
    }
    let size = UInt64(initrd?.count ?? 0)
    let frame = (prediction.pieces.last { $0.owner == "initrd" }?.destination.start.value ?? 0) >> 12
    let isUnmapped = size > 0 && arrangement.initrd == nil
    let fields: [(String, UInt64, UInt64, UInt64)] = [
      ("nr_pages", 32, 8, pages), ("flags", 48, 1, isUnmapped ? 11 : 3),
      ("pt_base", 88, 8, arrangement.pageTables.start.value),
      ("nr_pt_frames", 96, 8, arrangement.pageTables.count.value >> 12),
      ("mfn_list", 104, 8, arrangement.physicalToMachine.start.value),
      ("mod_start", 112, 8, isUnmapped ? frame : arrangement.initrd?.start.value ?? 0), ("mod_len", 120, 8, size),
      ("cmd_line", 128, 8, 0), ("first_p2m_pfn", 1152, 8, pages - arrangement.pagesToBeAllocated),
    ]
    for (name, offset, count, value) in fields {
      let found = machine.number(at: info + offset, count: count)
      if found != value { return "\(name) is \(found?.swiftText ?? "?"), not \(value.swiftText)" }
    }
    return nil
  }

  /// The list's entries for the pages before and behind the initrd, where the list is mapped with the rest.
  private func list(_ machine: XenMachine, _ console: XenConsole) -> String? {
    let list = arrangement.physicalToMachine.start.value
    guard list >= base, list < arrangement.startInfo.start.value else { return nil }
    let mapped = (arrangement.stack.endValue - base) >> 12
    for page in 0..<mapped {
      let found = machine.number(at: machineAddress(list - base + page * 8, console))
      let frame = machineAddress(page << 12, console) >> 12
      if found != frame { return "list entry \(page) is \(found?.swiftText ?? "?"), not \(frame.swiftText)" }
    }
    return nil
  }
}
