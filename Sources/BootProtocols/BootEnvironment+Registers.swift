import Addresses
public import KernelImage

extension BootEnvironment {
  /// Reads what the registers at the loader's first instruction lead to.
  ///
  /// - Parameters:
  ///   - eax: ``Multiboot2Information/magic`` under Multiboot 2 (specification 2.0, 3.3 "I386 machine state"); anything
  ///     under PVH, which promises EBX alone.
  ///   - ebx: the physical address of the protocol's structure.
  ///   - memory: the machine's memory.
  /// - Throws: ``ParseError`` with `unrecognised` where it is neither protocol, else naming the field. Offsets count
  ///   from the structure's start under Multiboot 2 and are physical addresses under PVH.
  public init(eax: UInt32, ebx: UInt32, memory: some BootMemory) throws(ParseError) {
    let address = PhysicalAddress(unchecked: UInt64(ebx))
    if eax == Multiboot2Information.magic {
      try self.init(try Multiboot2Information(at: address, in: memory), at: address)
      return
    }
    guard memory.load(4, at: address) == UInt64(PVHStartInfo.magic) else {
      throw ParseError(
        .unrecognised, field: "EAX", at: 0, found: UInt64(eax),
        allowed: .rule("0x36d76289 (Multiboot 2), or EBX with the address of 0x336ec578 (PVH)"))
    }
    try self.init(try PVHStartInfo(at: address, in: memory))
  }
}
