import AddressSpace
import Addresses
public import KernelImage

extension BootEnvironment {
  /// What PVH says of a machine. The protocol has no name for who started the loader.
  ///
  /// - Throws: ``ParseError`` where there is no memory map: version 0 of the structure has no place for one, later
  ///   versions may leave it out, and no hypervisor was asked (``HypervisorMemoryMap``).
  public init(_ information: PVHStartInfo) throws(ParseError) {
    let address = information.address.value
    guard !information.memoryMap.isEmpty else {
      guard information.version > 0 else {
        throw ParseError(
          .unsupported, field: "version", at: address &+ PVHStartInfo.Offset.version, found: 0, allowed: .atLeast(1))
      }
      throw ParseError(
        .invalidValue, field: "memmap_entries", at: address &+ PVHStartInfo.Offset.memoryEntryCount, found: 0,
        allowed: .atLeast(1))
    }
    protocolName = "PVH"
    bootLoaderName = ""
    commandLine = information.commandLine ?? ""
    memoryMap = MemoryMap(normalising: information.memoryMap)
    modules = information.modules
    informationRanges = information.extents
    rsdp = information.rsdp
  }
}
