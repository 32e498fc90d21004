import AddressSpace
public import Addresses
public import KernelImage

extension BootEnvironment {
  /// What Multiboot 2 says of a machine.
  ///
  /// - Parameter address: where the structure lies.
  /// - Throws: ``ParseError`` where there is no memory map; mem_lower and mem_upper know nothing of holes.
  public init(_ information: Multiboot2Information, at address: PhysicalAddress) throws(ParseError) {
    guard let entries = information.memoryMap, !entries.isEmpty else {
      throw ParseError(
        .invalidValue, field: "memory map", at: 0, found: 0, allowed: .rule("a tag of type 6 with an entry or more"))
    }
    guard let extent = PhysicalRange(start: address, count: information.size) else {
      throw ParseError(
        .outsideFile, field: "total_size", at: 0, found: information.size.value,
        allowed: .atMost(PhysicalAddress.greatest - address.value + 1))
    }
    protocolName = "Multiboot 2"
    bootLoaderName = information.bootLoaderName ?? ""
    commandLine = information.commandLine ?? ""
    memoryMap = MemoryMap(normalising: entries)
    modules = information.modules
    informationRanges = [extent]
    rsdp = (information.newRSDP ?? information.oldRSDP).flatMap { address.adding(ByteCount($0.start.value)) }
  }
}
