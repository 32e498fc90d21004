public import Addresses

extension X86_64Entry {
  /// An entry that points to the next table. It grants everything, so that the page's own entry decides; accessed is
  /// set beforehand, so that the processor never writes to tables in read-only memory.
  public init(table: PhysicalAddress) {
    rawValue = (table.value & Bit.frame) | Bit.present | Bit.writable | Bit.accessed
  }

  /// An entry that maps a page for the kernel alone.
  ///
  /// - Parameters:
  ///   - page: the page's physical address, a multiple of `size`.
  ///   - access: what the kernel may do; anything that is not executable gets NX, which needs EFER.NXE.
  public init(page: PhysicalAddress, size: PageSize, access: Access, cache: CachePolicy) {
    var bits = (page.value & ~size.alignment.mask) | Bit.present | Bit.accessed
    if access.isWritable { bits |= Bit.writable | Bit.dirty }
    if !access.isExecutable { bits |= Bit.noExecute }
    if cache == .uncacheable { bits |= Bit.cacheDisabled | Bit.writeThrough }
    if size != .size4KiB { bits |= Bit.pageSize }
    rawValue = bits
  }
}
