public import Addresses

/// How a machine translates: which table format, and so how wide addresses are. One mode describes what one root
/// register translates; on AArch64, which has two, an address space is one half.
public enum PagingMode: Hashable, Sendable {
  /// Two levels of 32-bit entries, 4 KiB and 4 MiB pages, 32-bit virtual addresses (Intel SDM vol. 3A, 4.3).
  case i386
  /// Three levels of 64-bit entries, 4 KiB and 2 MiB pages, 32-bit virtual addresses (Intel SDM vol. 3A, 4.4).
  case pae
  /// Four levels, 48-bit virtual addresses (Intel SDM vol. 3A, 4.5).
  case x86_64FourLevel
  /// Five levels, 57-bit virtual addresses (Intel SDM vol. 3A, 4.5).
  case x86_64FiveLevel
  /// VMSAv8-64 stage 1 (Arm ARM, D8).
  case aarch64(AArch64Paging)
  case riscv(RISCVPaging)
}

/// Which of the AArch64 translation regimes' shapes: granule, width and half (Arm ARM, D8.2).
public struct AArch64Paging: Hashable, Sendable {
  /// The size of the smallest page and of a table.
  public enum Granule: UInt8, CaseIterable, Sendable {
    case size4KiB = 12
    case size16KiB = 14
    case size64KiB = 16
  }

  public enum Half: Hashable, Sendable, CaseIterable {
    /// TTBR0: from 0 upwards.
    case lower
    /// TTBR1: up to 2⁶⁴.
    case upper
  }

  public let granule: Granule
  /// 64 - TxSZ.
  public let virtualBits: Int
  public let half: Half
  /// 52-bit output addresses: FEAT_LPA with 64 KiB pages, FEAT_LPA2 (TCR.DS) with the others. Without, 48 bits.
  public let hasLargeAddresses: Bool

  /// Nil where no processor translates so: 36 to 48 bits, and up to 52 with 64 KiB pages (FEAT_LVA) or, with large
  /// addresses, with the others (FEAT_LPA2).
  public init?(
    granule: Granule = .size4KiB, virtualBits: Int = 48, half: Half = .upper, hasLargeAddresses: Bool = false
  ) {
    let widest = granule == .size64KiB || hasLargeAddresses ? 52 : 48
    guard (36...widest).contains(virtualBits) else { return nil }
    self.granule = granule
    self.virtualBits = virtualBits
    self.half = half
    self.hasLargeAddresses = hasLargeAddresses
  }
}

/// The widths of RISC-V (privileged specification, 12.4 to 12.6).
public enum RISCVPaging: Int, Hashable, Sendable, CaseIterable {
  case sv39 = 39
  case sv48 = 48
  case sv57 = 57
}

extension PagingMode {
  /// How many low bits of a virtual address are translated.
  public var virtualBits: Int {
    switch self {
    case .i386, .pae: 32
    case .x86_64FourLevel: 48
    case .x86_64FiveLevel: 57
    case .aarch64(let paging): paging.virtualBits
    case .riscv(let paging): paging.rawValue
    }
  }

  /// The widest physical address that an entry can hold, in bits. On i386 only a 4 MiB page has more than 32 (PSE-36).
  public var physicalBits: Int {
    switch self {
    case .i386: 40
    case .pae, .x86_64FourLevel, .x86_64FiveLevel: 52
    case .aarch64(let paging): paging.hasLargeAddresses ? 52 : 48
    case .riscv: 56
    }
  }

  public var greatestPhysicalAddress: UInt64 { (1 << UInt64(physicalBits)) - 1 }

  /// The smallest page.
  public var smallestPage: PageSize {
    guard case .aarch64(let paging) = self else { return .size4KiB }
    return PageSize(shift: paging.granule.rawValue)
  }

  /// What the bits of a virtual address above ``virtualBits`` have to be.
  public var addressForm: AddressForm {
    switch self {
    case .i386, .pae: .zeroExtended
    case .x86_64FourLevel, .x86_64FiveLevel, .riscv: .signExtended
    case .aarch64(let paging): paging.half == .lower ? .zeroExtended : .oneExtended
    }
  }
}

/// What the bits of a virtual address above the translated ones have to be.
public enum AddressForm: Hashable, Sendable {
  /// All 0: one range from 0 upwards.
  case zeroExtended
  /// All 1: one range up to 2⁶⁴.
  case oneExtended
  /// Like the topmost translated bit: two ranges, called canonical on x86-64.
  case signExtended

  /// The address with the bits from `bits` up as this form has them.
  @inlinable public func extend(_ value: UInt64, bits: Int) -> UInt64 {
    let low = value & ((1 << UInt64(truncatingIfNeeded: bits)) &- 1)
    let high = ~((1 << UInt64(truncatingIfNeeded: bits)) &- 1) as UInt64
    switch self {
    case .zeroExtended: return low
    case .oneExtended: return low | high
    case .signExtended: return (low >> UInt64(truncatingIfNeeded: bits &- 1)) == 0 ? low : low | high
    }
  }
}

extension PagingMode {
  /// Whether the mode translates this address at all; on x86-64: whether it is canonical.
  @inline(never) public func covers(_ address: VirtualAddress) -> Bool {
    addressForm.extend(address.value, bits: virtualBits) == address.value
  }
}
