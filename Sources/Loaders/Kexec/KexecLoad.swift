import Addresses
import BootProtocols
import KernelImage
import Placement

/// A load in the making: what is placed so far (kexec/kexec.c; kexec/kexec-elf-rel.c).
struct KexecLoad {
  enum Source {
    case image(UInt64)
    case module(Int)
    /// Bytes that kexec makes.
    case made
  }

  let request: LoaderRequest
  /// The image's bytes.
  let size: UInt64
  let arguments: Kexec.Arguments
  var memory: KexecMemory
  var prediction: LoadPlan
  /// Where purgatory lies, when there is one.
  var purgatory: UInt64?

  init(_ request: LoaderRequest, size: UInt64, _ arguments: Kexec.Arguments) {
    self.request = request
    self.size = size
    self.arguments = arguments
    memory = KexecMemory(request.machine)
    prediction = LoadPlan(
      loader: .kexec, reading: "", machine: request.machine, entry: EntryState(mode: .protected32, address: 0))
  }

  /// Takes a place that is given (add_segment_phys_virt).
  mutating func add(
    _ source: Source, bytes: UInt64, at base: UInt64, memorySize: UInt64, _ owner: String, _ evidence: String
  ) throws(Kexec.Stop) {
    guard memorySize != 0 else { return }
    let copied = min(bytes, memorySize)
    // _ALIGN wraps to 0 for the last page's worth of sizes; no RAM holds what comes of it.
    let size = (memorySize &+ 4095) & ~4095
    guard base & 4095 == 0 else {
      throw Kexec.Stop(
        "Base address: \(hex(base)) is not page aligned", evidence: evidence,
        rule: Kexec.rule("a segment starts at a page", "kexec/kexec.c, add_segment_phys_virt"))
    }
    guard memory.take(.init(start: base, size: size)) else {
      let last = base &+ size &- 1
      throw Kexec.Stop(
        "Invalid memory segment \(Kexec.pointer(base)) - \(Kexec.pointer(last))", evidence: evidence,
        rule: Kexec.rule("one range of RAM holds a whole segment", "kexec/kexec.c, valid_memory_range"))
    }
    append(source, copied, at: base, size, owner)
  }

  private mutating func append(
    _ source: Source, _ copied: UInt64, at base: UInt64, _ size: UInt64, _ owner: String
  ) {
    var piece = Piece(
      source: .zero,
      destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: base), count: ByteCount(copied)),
      zeroFill: ByteCount(size - copied), owner: owner)
    switch source {
    case .image(let offset):
      if copied > 0 {
        piece.source = .image(FileRange(uncheckedStart: FileOffset(truncating: offset), count: ByteCount(copied)))
      }
    case .module(let index): piece.source = .module(index)
    case .made:
      piece.source = .blob(prediction.blobs.count)
      prediction.blobs.append(Blob(name: owner, bytes: []))
    }
    prediction.pieces.append(piece)
  }

  /// Where a search may end, and from which side it comes.
  struct Search {
    var alignment: UInt64 = 4096
    var low: UInt64 = 0
    var high: UInt64 = .max
    var preference = KexecMemory.Preference.lowest
  }

  /// Finds a place (add_buffer_phys_virt), and returns it.
  @discardableResult
  mutating func addBuffer(
    _ source: Source, bytes: UInt64, memorySize: UInt64? = nil, _ search: Search, _ owner: String
  ) throws(Kexec.Stop) -> UInt64 {
    try checkOverlap()
    let size = ((memorySize ?? bytes) &+ 4095) & ~4095
    let evidence = "\(owner), \(hex(size)) bytes from \(hex(search.low)) to \(hex(search.high))"
    switch memory.hole(
      size: size, alignment: search.alignment, from: search.low, through: search.high, search.preference)
    {
    case .at(let base):
      try add(source, bytes: bytes, at: base, memorySize: size, owner, evidence)
      return base
    case .none(let words):
      throw Kexec.Stop(
        words, evidence: evidence,
        rule: Kexec.rule("everything that kexec places itself needs a free hole", "kexec/kexec.c, locate_hole"))
    }
  }

  mutating func checkOverlap() throws(Kexec.Stop) {
    guard let end = memory.overlap() else { return }
    throw Kexec.Stop(
      "Overlapping memory segments at \(Kexec.pointer(end))",
      evidence: "two segments hold the page before \(hex(end))",
      rule: Kexec.rule("no two segments share a page", "kexec/kexec.c, sort_segments"))
  }

  /// The code that checks the sums and sets the registers. Its size is Debian's build of 2.0.25 for amd64: 0x70e0 bytes
  /// up to the end of .data, 0x1000 of .bss behind the next page's start.
  mutating func addPurgatory(_ search: Search) throws(Kexec.Stop) {
    purgatory = try addBuffer(.made, bytes: 0x70e0, memorySize: 0x9000, search, "purgatory")
  }

  /// stack_end, in .data at 0x5000.
  var purgatoryStack: UInt64 { (purgatory ?? 0) &+ 0x7000 }

  /// Where a module's bytes would be read (slurp_file).
  func checkReadable(_ index: Int) throws(Kexec.Stop) {
    guard request.modules[index].size.value == 0 else { return }
    throw Kexec.Stop(
      "Cannot read \(request.modules[index].name)", evidence: "module \(index), 0 bytes",
      rule: Kexec.rule("a file of no bytes has no buffer", "kexec/kexec.c, slurp_file_generic"))
  }

  /// Where the initrd goes (kexec/arch/i386/x86-linux-setup.c, setup_linux_bootloader_parameters_high) and, behind it,
  /// the seed of random numbers that every Linux parameter block refers to (setup_rng_seed).
  mutating func addInitrdAndSeed(through high: UInt64) throws(Kexec.Stop) {
    if !request.modules.isEmpty {
      try addBuffer(
        .module(0), bytes: request.modules[0].size.value,
        Search(low: 0x100_0000, high: high, preference: .highest), "initrd")
    }
    try addBuffer(.made, bytes: 0x30, Search(low: 0x10_0000), "setup_data, random seed")
  }

  mutating func ignoreModules(from first: Int, _ why: String, _ rule: Rule) {
    for (index, module) in request.modules.enumerated().dropFirst(first) {
      prediction.remarks.append(Remark(.moduleIgnored, "module \(index), \(module.name): \(why).", rule: rule))
    }
  }
}
