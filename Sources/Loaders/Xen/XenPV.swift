import AddressSpace
import Addresses
import BootProtocols
import Placement

/// Xen's dom0 builder, paravirtual: today's and the four of 2006.
///
/// The request's machine is the domain: its usable memory is what `dom0_mem` gives, `nr_pages` pages. A piece's
/// destination is a pseudo-physical address (pfn << 12 + offset), which Xen maps at `XenArrangement.total.start`; which
/// machine frame that is changes from run to run. Bytes between the pieces are not cleared.
///
/// Of a bzImage the image is the unpacked payload: a compressed one is refused, which Xen does not do.
public enum XenPV {
  /// What becomes of an image under a set of rules.
  ///
  /// - Parameters:
  ///   - rules: whose builder; the modern one is that of Xen 4.17.
  ///   - host: what the hypervisor was built for.
  public static func dom0(
    _ image: RawSpan, _ request: LoaderRequest, rules: XenRules = .modern, host: XenHost = XenHost()
  ) -> XenVerdict {
    rules == .modern
      ? XenModern.verdict(image, request, host) : XenOld.verdict(image, request, rules: rules, host)
  }

  /// The prediction alone, in the form of the other loaders.
  public static func load(_ image: RawSpan, _ request: LoaderRequest, rules: XenRules = .modern) -> LoaderOutcome {
    dom0(image, request, rules: rules).outcome
  }
}

extension LoaderRequest {
  /// Pages of the domain.
  var pages: UInt64 { machine.usable.reduce(0) { $0 &+ $1.count.value >> 12 } }
  /// Xen's first module behind the kernel.
  var initrdSize: UInt64 { modules.first?.size.value ?? 0 }
}

/// Pieces in the order in which Xen writes them.
struct XenPieces {
  /// The guest virtual address of pseudo-physical 0, and the end of the mapping.
  let base: UInt64
  let end: UInt64
  var pieces: [Piece] = []

  /// Adds `fileSize` bytes at a file offset and zeros up to `memorySize`, at a guest virtual address that is mapped.
  mutating func add(_ segment: LenientELF.Segment, index: UInt64, at address: UInt64) {
    guard segment.memorySize > 0 else { return }
    let bytes = FileRange(
      uncheckedStart: FileOffset(unchecked: segment.offset), count: ByteCount(segment.fileSize))
    pieces.append(
      Piece(
        source: segment.fileSize == 0 ? .zero : .image(bytes),
        destination: range(at: address, count: segment.fileSize),
        zeroFill: ByteCount(segment.memorySize - segment.fileSize), owner: "segment \(index)"))
  }

  /// Adds the first module at a guest virtual address.
  mutating func addInitrd(at address: UInt64, size: UInt64) {
    pieces.append(Piece(source: .module(0), destination: range(at: address, count: size), owner: "initrd"))
  }

  /// Whether a range of guest virtual addresses is mapped.
  func holds(_ address: UInt64, _ count: UInt64) -> Bool {
    address >= base && address <= end && count <= end - address
  }

  private func range(at address: UInt64, count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: address &- base), count: ByteCount(count))
  }
}

extension LoadPlan {
  /// Remarks on what the pieces show: bytes written twice, an entry in none of them, modules that nobody takes.
  mutating func remarkOnPieces(entryAt entry: UInt64, modules: Int, source: String) {
    let segments = pieces.filter { $0.owner.utf8.starts(with: "segment ".utf8) }
    if !segments.contains(where: { $0.extent.contains(PhysicalAddress(unchecked: entry)) }) {
      remarks.append(
        Remark(
          .entryOutsideImage, "The entry, pseudo-physical \(hex(entry)), lies in no segment.",
          rule: Rule("an entry at the end passes, and between segments too", source: source)))
    }
    remarkOnOverlaps(segments, source)
    if modules > 1 {
      remarks.append(
        Remark(
          .moduleIgnored, "Xen hands one module over; \(modules - 1) more are not.",
          rule: Rule("the first module behind the kernel is the initrd", source: source)))
    }
  }

  /// A remark on memory inside the image that no segment fills: the domain's pages are not scrubbed for it.
  mutating func remarkOnGaps(source: String) {
    let segments = pieces.filter { $0.owner.hasPrefix("segment") }.sorted { $0.extent.start < $1.extent.start }
    guard var end = segments.first?.extent.endValue else { return }
    for piece in segments.dropFirst() {
      let start = piece.extent.start.value
      if start > end {
        remarks.append(
          Remark(
            .unspecified, "From \(hex(end)) to \(hex(start)), between segments, lies what the machine's memory held.",
            rule: Rule("the domain's pages are not cleared", source: source)))
        // One is enough: a file may hold thousands.
        return
      }
      end = max(end, piece.extent.endValue)
    }
  }

  private mutating func remarkOnOverlaps(_ segments: [Piece], _ source: String) {
    let sorted = segments.sorted { $0.extent.start < $1.extent.start }
    guard var top = sorted.first else { return }
    for piece in sorted.dropFirst() {
      if piece.extent.start.value < top.extent.endValue {
        remarks.append(
          Remark(
            .overlap, "\(piece.owner) and \(top.owner) share bytes from \(hex(piece.extent.start.value)).",
            rule: Rule("the later header wins, with its zeros", source: source)))
        // One is enough: a file may hold thousands.
        return
      }
      if piece.extent.endValue > top.extent.endValue { top = piece }
    }
  }
}

extension EntryState {
  /// The state at the first instruction of a paravirtual domain (xen/include/public/arch-x86/xen-x86_{64,32}.h).
  init(xen arrangement: XenArrangement, is64: Bool) {
    self.init(
      xen: arrangement.entry.value, stack: arrangement.stack.endValue, info: arrangement.startInfo.start.value,
      is64: is64)
  }

  init(xen entry: UInt64, stack top: UInt64, info: UInt64, is64: Bool) {
    let data: UInt64 = is64 ? 0 : 0xe021
    let prefix = is64 ? "r" : "e"
    var registers = [
      Register(prefix + "ip", entry, "entry"),
      Register(prefix + "sp", top, "end of the boot stack"),
      Register(prefix + "si", info, "start information"),
      Register(prefix + "flags", 0x202, "interrupts on; events are masked"),
      Register("cs", is64 ? 0xe033 : 0xe019, is64 ? "flat, ring 3" : "flat, ring 1"),
      Register("ss", is64 ? 0xe02b : 0xe021, is64 ? "flat, ring 3" : "flat, ring 1"),
    ]
    registers += ["ds", "es", "fs", "gs"].map { Register($0, data, is64 ? "null" : "flat, ring 1") }
    registers += ["ax", "bx", "cx", "dx", "di", "bp"].map { Register(prefix + $0, 0, "zero") }
    if is64 { registers += (8...15).map { Register("r\($0)", 0, "zero") } }
    registers.append(Register(unspecified: "cr3", "machine address of the first page of the page tables"))
    self.init(mode: is64 ? .xenPV64 : .xenPV32, address: entry, registers: registers)
  }
}
