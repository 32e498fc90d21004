import Addresses
import BootProtocols
import KernelImage
import Placement

extension XenModern {
  private static var areaStart: UInt64 { 0xffff_8000_0000_0000 }
  private static var areaEnd: UInt64 { 0xffff_8800_0000_0000 }

  /// Whether a 64-bit domain may use an address (`__addr_ok`, xen/arch/x86/include/asm/x86_64/uaccess.h).
  func isOwn(_ address: UInt64) -> Bool { !is64 || address < 1 << 47 || address >= Self.areaEnd }

  /// Xen's own part of the address space, and what its tables cannot map.
  func checkMapping(_ arranged: XenArrangement) throws(XenStop) {
    let start = arranged.total.start.value
    let end = arranged.total.endValue
    let overlaps = is64 ? start < Self.areaEnd && end > Self.areaStart : end > 0xf580_0000
    if overlaps {
      throw .refuse(
        "DOM0 image overlaps with Xen private area.", "mapping \(hex(start)) to \(hex(end))",
        is64 ? "not in 0xffff800000000000 to 0xffff880000000000" : "below 0xf5800000", XenSource.builder)
    }
    guard start & 4095 == 0 else {
      throw crash(
        "builds page tables at addresses that are no multiple of a page, and faults", "VIRT_BASE \(hex(start))",
        "the tables lie as far behind the base as behind the chunk's start")
    }
  }

  private func crash(_ effect: String, _ evidence: String, _ rule: String) -> XenStop {
    .misbehaves(Misbehaviour(effect, evidence: evidence, rule: Rule(rule, source: XenSource.builder)))
  }

  /// What comes behind the copy: the hypercall page, the start information, the list, the features.
  mutating func finish(_ arranged: XenArrangement, _ prediction: inout LoadPlan) throws(XenStop) {
    try addHypercallPage(arranged, &prediction)
    let start = arranged.total.start.value
    guard isOwn(start) else {
      throw crash(
        "writes the start information to an address that is none, and faults", "VIRT_BASE \(hex(start))",
        "the builder trusts VIRT_BASE")
    }
    try checkList(arranged)
    // XENFEAT_supervisor_mode_kernel.
    if elf.requiredFeatures & (1 << 3) != 0 {
      throw .refuse(
        "Dom0 requires supervisor-mode execution", "FEATURES '!supervisor_mode_kernel'", "no such thing since Xen 4.2",
        XenSource.builder)
    }
  }

  /// The page is filled through the domain's tables, in which the tables themselves may not be written.
  private func addHypercallPage(_ arranged: XenArrangement, _ prediction: inout LoadPlan) throws(XenStop) {
    let page = elf.hypercallPage
    guard page != Libelf.unset else { return }
    let start = arranged.total.start.value
    let end = arranged.total.endValue
    if page < start || page >= end {
      throw .refuse(
        "Invalid HYPERCALL_PAGE field in ELF notes.", "HYPERCALL_PAGE \(hex(page))",
        "in the mapping, \(hex(start)) to \(hex(end))", XenSource.builder)
    }
    let tables = arranged.pageTables
    if end - page < 4096 || page < tables.endValue && page + 4096 > tables.start.value {
      throw crash(
        "faults in writing the hypercall page", "HYPERCALL_PAGE \(hex(page))",
        "only whether its first byte is mapped is checked")
    }
    prediction.pieces.append(
      Piece(
        source: .blob(prediction.blobs.count),
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: page - start), count: ByteCount(4096)),
        owner: "hypercall page"))
    prediction.blobs.append(Blob(name: "hypercall page", bytes: XenHypercallPage.bytes(is64: is64)))
  }

  private func checkList(_ arranged: XenArrangement) throws(XenStop) {
    guard is64, elf.machineListBase != Libelf.unset else { return }
    let start = arranged.total.start.value
    let end = arranged.total.endValue
    let list = arranged.physicalToMachine
    if start <= list.endValue, list.start.value <= end {
      throw .refuse(
        "DOM0 P->M table overlaps initial mapping", "INIT_P2M \(hex(list.start.value)), list to \(hex(list.endValue))",
        "outside the mapping, \(hex(start)) to \(hex(end))", XenSource.builder)
    }
    guard isOwn(list.start.value), list.endValue > list.start.value,
      list.endValue <= 1 << 47 || isOwn(list.endValue - 1),
      list.start.value >= Self.areaEnd || list.endValue <= 1 << 47
    else {
      throw crash(
        "maps the list into its own part of the address space", "INIT_P2M \(hex(list.start.value))",
        "the builder trusts INIT_P2M")
    }
  }

  /// A mapped initrd lies behind the kernel; an unmapped one takes the frames behind the chunk.
  func addInitrd(_ arranged: XenArrangement, _ request: LoaderRequest, to prediction: inout LoadPlan) {
    guard request.initrdSize > 0 else { return }
    var pieces = XenPieces(base: arranged.total.start.value, end: arranged.total.endValue)
    let pages = request.initrdSize >> 12 + (request.initrdSize & 4095 == 0 ? 0 : 1)
    let chunk = request.pages - arranged.pagesToBeAllocated - pages
    pieces.addInitrd(
      at: arranged.initrd?.start.value ?? pieces.base &+ chunk << 12, size: request.initrdSize)
    prediction.pieces += pieces.pieces
  }
}

/// The page through which a domain calls its hypervisor: an entry of 32 bytes for each number, int3 between them
/// (`pv_ring3_init_hypercall_page` and `pv_ring1_init_hypercall_page`, Xen 4.17, xen/arch/x86/pv/hypercall.c).
enum XenHypercallPage {
  static func bytes(is64: Bool) -> [UInt8] {
    (0..<128).flatMap { number in
      // __HYPERVISOR_iret is jumped to: it does not return.
      let code = number == 23 ? leaving(is64) : calling(UInt8(number), is64)
      return code + [UInt8](repeating: 0xcc, count: 32 - code.count)
    }
  }

  private static func calling(_ number: UInt8, _ is64: Bool) -> [UInt8] {
    is64
      // push %rcx; push %r11; mov $number, %eax; syscall; pop %r11; pop %rcx; ret
      ? [0x51, 0x41, 0x53, 0xb8, number, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3]
      // mov $number, %eax; int $0x82; ret
      : [0xb8, number, 0, 0, 0, 0xcd, 0x82, 0xc3]
  }

  private static func leaving(_ is64: Bool) -> [UInt8] {
    is64
      // push %rcx; push %r11; push %rax; mov $23, %eax; syscall
      ? [0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05]
      // push %eax; mov $23, %eax; int $0x82
      : [0x50, 0xb8, 23, 0, 0, 0, 0xcd, 0x82]
  }
}
