import Addresses
import BootProtocols
import Placement

/// Initrd, command line, module list and `struct hvm_start_info` of the first domain: one block (`find_memory` and
/// `pvh_load_kernel` of Xen 4.17; xen/include/public/arch-x86/hvm/start_info.h).
///
///     initrd | its string | … page | command line | hvm_modlist_entry (32 bytes) | hvm_start_info (56 bytes)
struct XenPVHBlock {
  private let memory: XenGuestMemory
  private let initrd: UInt64?
  private let string: [UInt8]
  private let commandLine: [UInt8]
  private let is64: Bool
  /// Whole pages around the kernel, modulo 2⁶⁴.
  private let kernelStart: UInt64
  private let kernelEnd: UInt64

  /// In the order in which Xen writes them.
  private(set) var pieces: [Piece] = []
  private(set) var blobs: [Blob] = []
  /// Where hvm_start_info is.
  private(set) var startInfo: UInt64 = 0

  init(_ memory: XenGuestMemory, _ request: LoaderRequest, is64: Bool, kernel start: UInt64, _ end: UInt64) {
    self.memory = memory
    let module = request.modules.first
    // Module ends have 32 bits.
    initrd = module.map { $0.size.value & 0xffff_ffff }
    string = module.map { Self.text($0.arguments.isEmpty ? $0.name : $0.name + " " + $0.arguments) } ?? []
    // MAX_GUEST_CMDLINE, the NUL included.
    commandLine = Array(Self.text(request.commandLine).dropLast().prefix(1023)) + [0]
    self.is64 = is64
    kernelStart = start & ~4095
    kernelEnd = end.roundedUp(to: 4096)
  }

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

  private func padded(_ count: Int) -> UInt64 { UInt64(count).roundedUp(to: is64 ? 8 : 4) }

  mutating func place() throws(XenStop) {
    guard var place = findMemory() else {
      throw .refuse(
        "Unable to find a memory region to load initrd and metadata",
        "kernel \(hex(kernelStart)) to \(hex(kernelEnd)), initrd \(hex(initrd ?? 0)) bytes",
        "the larger gap beside the kernel in a range of memory above 1 MiB holds all", "\(XenPVH.source), find_memory")
    }
    var entry: [UInt64] = []
    if let initrd {
      entry = [place, initrd, 0, 0]
      try put(.module(0), initrd, at: place, "initrd", "Unable to copy initrd to guest")
      place = place &+ initrd.roundedUp(to: is64 ? 8 : 4)
      entry[2] = place
      try put(string, at: place, "initrd's command line", "Unable to copy module command line")
      place = (place &+ UInt64(string.count)).roundedUp(to: 4096)
    }
    let line = place
    try put(commandLine, at: place, "command line", "Unable to copy guest command line")
    place = place &+ padded(commandLine.count)
    let list = place
    if !entry.isEmpty {
      try put(Self.words(entry), at: place, "module list", "Unable to copy guest modules")
      place = place &+ 32
    }
    // Magic, version 0, flags SIF_PRIVILEGED | SIF_INITDOMAIN, nr_modules, modlist_paddr, cmdline_paddr.
    let head: [UInt64] = [0x336e_c578, 3 | (entry.isEmpty ? 0 : 1 << 32), entry.isEmpty ? 0 : list, line]
    // Room for rsdp_paddr, then memmap_paddr and memmap_entries, which stay 0.
    try put(Self.words(head), at: place, "start info", "Unable to copy start info to guest")
    try put(Self.words([0, 0]), at: place &+ 40, "start info, memory map", "Unable to copy start info to guest")
    startInfo = place
  }

  static func words(_ values: [UInt64]) -> [UInt8] {
    values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) } }
  }

  private mutating func put(
    _ bytes: [UInt8], at address: UInt64, _ owner: String, _ words: String
  ) throws(XenStop) {
    try put(.blob(blobs.count), UInt64(bytes.count), at: address, owner, words)
    blobs.append(Blob(name: owner, bytes: bytes))
  }

  private mutating func put(
    _ source: Piece.Source, _ count: UInt64, at address: UInt64, _ owner: String, _ words: String
  ) throws(XenStop) {
    guard count <= memory.run(from: address) || count == 0 else {
      throw .refuse(
        words, "\(owner), \(hex(count)) bytes at \(hex(address))", "every page is memory of the domain", XenPVH.source)
    }
    guard count > 0 else { return }
    let range = PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: address), count: ByteCount(count))
    pieces.append(Piece(source: source, destination: range, owner: owner))
  }

  /// The first range of memory with room beside the kernel. Differences are unsigned: a kernel that only overlaps a range
  /// makes them enormous.
  private func findMemory() -> UInt64? {
    // The initrd's string has no room of its own.
    let size = 56 + padded(commandLine.count) + (initrd.map { $0.roundedUp(to: 4096) + 32 } ?? 0)
    for range in memory.ranges where range.upperBound > 1 << 20 {
      var start = max(range.lowerBound, 1 << 20)
      var end = range.upperBound
      if end > kernelStart, start < kernelEnd {
        if kernelStart &- start > end &- kernelEnd { end = kernelStart } else { start = kernelEnd }
      }
      if end &- start >= size { return start }
    }
    return nil
  }
}

extension LoadPlan {
  mutating func add(_ block: XenPVHBlock) {
    // The block's blobs come first: nothing else of this loader has any.
    blobs += block.blobs
    pieces += block.pieces
  }
}
