import Addresses

extension ELFFile {
  /// What the legacy section `__xen_guest` says: comma separated NAME=VALUE (xen/common/libelf/libelf-dominfo.c). Up to
  /// its first NUL; nil when there is no such section.
  @inline(never) public func xenGuestText(in bytes: RawSpan) -> String? {
    guard let section = section(named: "__xen_guest", in: bytes) else { return nil }
    // Xen copies names of 31 and values of 127 bytes; a page is more than any guest ever wrote.
    return bytes.text(at: section.fileRange.start.value, limit: min(section.fileRange.count.value, 4096))
  }
}
