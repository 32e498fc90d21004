import Perch

/// A paging mode of x86 with the control bits that change how its tables are read.
struct X86Paging: Hashable, Sendable {
  var mode: PagingMode
  /// EFER.NXE; i386 entries have no bit for it.
  var noExecute = true
  /// CR0.WP.
  var writeProtect = true
  /// CR4.SMEP and SMAP.
  var preventsExecution = false
  var preventsAccess = false

  init(_ mode: PagingMode) {
    self.mode = mode
    noExecute = mode != .i386
  }

  static let modes: [PagingMode] = [.i386, .pae, .x86_64FourLevel, .x86_64FiveLevel]

  /// A mode with every combination of the control bits.
  static func variations(of mode: PagingMode) -> [X86Paging] {
    (0..<16 as Range<UInt8>).compactMap { bits in
      var paging = X86Paging(mode)
      if bits & 8 != 0, mode == .i386 { return nil }
      if bits & 8 != 0 { paging.noExecute = false }
      paging.writeProtect = bits & 1 == 0
      paging.preventsExecution = bits & 2 != 0
      paging.preventsAccess = bits & 4 != 0
      return paging
    }
  }

  var isLong: Bool { mode.virtualBits > 32 }
  /// What one access moves: a general register.
  var wordSize: UInt64 { isLong ? 8 : 4 }

  /// PE, ET and PG are bits 0, 4 and 31, WP is 16 (Intel SDM vol. 3A, 2.5).
  var cr0: UInt64 { 0x8000_0011 | (writeProtect ? 1 << 16 : 0) }

  /// PSE, PAE, PGE, LA57, SMEP and SMAP are bits 4, 5, 7, 12, 20 and 21.
  var cr4: UInt64 {
    let levels: UInt64 =
      switch mode {
      case .i386: 1 << 4
      case .x86_64FiveLevel: 1 << 5 | 1 << 12
      default: 1 << 5
      }
    return levels | 1 << 7 | (preventsExecution ? 1 << 20 : 0) | (preventsAccess ? 1 << 21 : 0)
  }

  /// LME and NXE are bits 8 and 11 (Intel SDM vol. 3A, 2.2.1).
  var efer: UInt64 { (isLong ? 1 << 8 : 0) | (noExecute ? 1 << 11 : 0) }

  /// What Perch is told about the processor.
  func controls(physicalBits: Int, gigabytePages: Bool) -> X86Controls {
    var controls = X86Controls()
    controls.noExecuteEnabled = noExecute
    controls.writeProtect = writeProtect
    controls.preventsExecution = preventsExecution
    controls.preventsAccess = preventsAccess
    controls.gigabytePages = gigabytePages
    controls.physicalBits = UInt8(physicalBits)
    return controls
  }

  func format(_ controls: X86Controls) -> PagingFormat {
    switch mode {
    case .i386: .i386(I386Format(controls: controls))
    case .pae: .pae(PAEFormat(controls: controls))
    default: .x86_64(X86_64Format(fiveLevels: mode == .x86_64FiveLevel, controls: controls))
    }
  }

  /// The sizes of the mode's pages (Intel SDM vol. 3A, table 4-1).
  func pageSizes(gigabytePages: Bool) -> [PageSize] {
    switch mode {
    case .i386: [.size4KiB, .size4MiB]
    case .pae: [.size4KiB, .size2MiB]
    default: [.size4KiB, .size2MiB] + (gigabytePages ? [.size1GiB] : [])
    }
  }
}

/// What was compared, and the first differences; made for millions of comparisons.
struct X86Differences: CustomStringConvertible {
  var compared = 0
  var count = 0
  var first: [String] = []

  mutating func note(_ text: @autoclosure () -> String) {
    count += 1
    if first.count < 8 { first.append(text()) }
  }

  /// Compares where a model, another walker and Perch find an address.
  mutating func compare(_ address: UInt64, intended: UInt64?, judged: UInt64?, perch: Resolution) {
    compared += 1
    guard judged != intended || perch.place != intended else { return }
    note(
      "\(x86Hexadecimal(address)) intended \(x86Hexadecimal(intended)), judged \(x86Hexadecimal(judged)), "
        + "Perch \(x86Hexadecimal(perch.place))")
  }

  var description: String { "\(count) of \(compared) differ: " + first.joined(separator: "; ") }
}

extension Resolution {
  /// The physical address, where there is one.
  fileprivate var place: UInt64? {
    guard case .mapped(let byte) = self else { return nil }
    return byte.physical.value
  }
}

func x86Hexadecimal(_ value: UInt64?) -> String { value.map { "0x" + String($0, radix: 16) } ?? "nothing" }

/// Where two long lists differ first; nil where they are equal.
func x86FirstDifference<Element: Equatable>(_ found: [Element], _ wanted: [Element]) -> String? {
  for (index, (left, right)) in zip(found, wanted).enumerated() where left != right {
    return "element \(index): \(left), not \(right)"
  }
  return found.count == wanted.count ? nil : "\(found.count) elements, not \(wanted.count)"
}
