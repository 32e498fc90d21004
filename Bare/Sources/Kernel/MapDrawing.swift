import AddressSpace
import Addresses
import BareMachine
import PageTables

/// A picture of an address space, from its top to its bottom.
///
///     +----------------------------------+ 0xffffffff81014000
///     | segment 0            r-x   80 KiB |
///     +----------------------------------+ 0xffffffff81000000
///     :                           2.0 TiB :
struct MapDrawing {
  /// Neighbours of one name and right, whatever their pages.
  private struct Box {
    var virtual: VirtualRange
    var label: Line
    var rights: Line
  }

  private let boxes: [Box]
  private let mode: PagingMode

  /// - Parameters:
  ///   - runs: in ascending order.
  ///   - guardPage: drawn although nothing is there.
  init(_ runs: [OwnedRun], guardPage: VirtualRange, mode: PagingMode) {
    self.mode = mode
    var boxes: [Box] = []
    for run in runs {
      if run.virtual.start.value == guardPage.endValue {
        boxes.append(Box(virtual: guardPage, label: "guard page", rights: "---"))
      }
      let box = Box(virtual: run.virtual, label: run.ownersName, rights: Line(text: run.rights.description))
      if let last = boxes.last, last.virtual.endValue == box.virtual.start.value, last.rights == box.rights,
        last.label == box.label
      {
        let count = last.virtual.count.value + box.virtual.count.value
        boxes[boxes.count - 1].virtual = VirtualRange(uncheckedStart: last.virtual.start, count: ByteCount(count))
      } else {
        boxes.append(box)
      }
    }
    self.boxes = boxes
  }

  var lines: [Line] {
    var lines = ["  +\(Line(repeating: UInt8(ascii: "-"), count: 41))+ 0x10000000000000000" as Line]
    // 0 stands for 2⁶⁴.
    var end: UInt64 = 0
    for box in boxes.reversed() {
      lines += gap(from: box.virtual.endValue, to: end)
      lines.append(Self.edge(box.virtual.endValue))
      lines.append(Self.row("|", box.label, box.rights, box.virtual.count.value))
      if isLast(box) || !isJoined(box) { lines.append(Self.edge(box.virtual.start.value)) }
      end = box.virtual.start.value
    }
    if end != 0 || boxes.isEmpty { lines += gap(from: 0, to: end) }
    lines.append(Self.edge(0))
    return lines
  }

  private func isLast(_ box: Box) -> Bool { boxes.first?.virtual.start == box.virtual.start }

  /// Whether another box ends where this one starts, and draws the edge.
  private func isJoined(_ box: Box) -> Bool { boxes.contains { $0.virtual.endValue == box.virtual.start.value } }

  /// What lies unmapped; the addresses that the mode does not have are a gap of their own.
  private func gap(from start: UInt64, to end: UInt64) -> [Line] {
    guard start != end else { return [] }
    let half = 1 << UInt64(mode.virtualBits - 1) as UInt64
    let upper = 0 &- half
    guard start < half, end == 0 || end > upper else { return [Self.row(":", "", "", end &- start)] }
    var lines: [Line] = []
    if end != upper { lines.append(Self.row(":", "", "", end &- upper)) }
    lines += [Self.edge(upper), Self.row(":", "no addresses", "", upper - half), Self.edge(half)]
    if start != half { lines.append(Self.row(":", "", "", half - start)) }
    return lines
  }

  private static func row(_ side: Line, _ label: Line, _ rights: Line, _ bytes: UInt64) -> Line {
    "  \(side) " + Text.padded(label, 24) + Text.padded(rights, 5)
      + Text.padded(bytes == 0 ? "16 EiB" : Text.size(bytes), 10, before: true) + " \(side)"
  }

  private static func edge(_ address: UInt64) -> Line {
    "  +" + Line(repeating: UInt8(ascii: "-"), count: 41) + "+ " + Text.hexadecimal(address)
  }
}
