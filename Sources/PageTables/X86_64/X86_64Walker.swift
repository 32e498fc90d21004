public import AddressSpace
public import Addresses

/// Reads the tables that lie in a memory the way the processor does. Nothing is trusted: any bytes whatsoever give an
/// answer in bounded time.
public struct X86_64Walker<Memory: TableMemory> {
  public let memory: Memory
  /// The address of the root table: CR3 without its flags.
  public let root: PhysicalAddress
  public let mode: PagingMode
  /// MAXPHYADDR; entries with address bits from there up are faults.
  public let physicalBits: Int

  /// - Parameters:
  ///   - root: CR3; its low 12 bits are ignored.
  ///   - physicalBits: MAXPHYADDR of the machine (CPUID leaf 0x80000008, EAX 7:0), at most 52.
  public init(
    memory: Memory, root: PhysicalAddress, mode: PagingMode = .x86_64FourLevel, physicalBits: Int = 52
  ) {
    self.memory = memory
    self.root = root.alignedDown(to: .page4KiB)
    self.mode = mode
    self.physicalBits = min(physicalBits, 52)
  }

  /// The one primitive: reads an entry, hands it to `onEntry`, and says what it means or why it cannot be followed.
  func entry(
    _ index: Int, of table: PhysicalAddress, at level: TableLevel, for virtual: VirtualAddress,
    onEntry: (Translation.Step) -> Void = { _ in }
  ) throws(WalkFault) -> (entry: X86_64Entry, target: X86_64Entry.Target) {
    // A table is a whole frame, so that this cannot leave the 52 bits.
    let address = PhysicalAddress(unchecked: table.value | UInt64(truncatingIfNeeded: index) << 3)
    guard let value = memory.loadEntry(at: address) else {
      throw WalkFault(reason: .outsideMemory, level: level, virtual: virtual, entryAddress: address, value: 0)
    }
    let entry = X86_64Entry(rawValue: value)
    onEntry(Translation.Step(level: level, entryAddress: address, entry: entry))
    let reason: WalkFault.Reason
    switch entry.meaning(at: level, physicalBits: physicalBits) {
    case .target(let target): return (entry, target)
    case .absent: reason = .notPresent
    case .reserved(let bits): reason = .reservedBits(bits)
    }
    throw WalkFault(reason: reason, level: level, virtual: virtual, entryAddress: address, value: value)
  }
}

extension X86_64Walker: Sendable where Memory: Sendable {}
