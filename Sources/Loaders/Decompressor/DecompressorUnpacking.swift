import AddressSpace
import Addresses
import KernelImage
import Placement

extension Decompressor {
  /// What is known of a payload in its buffer, and the measures that the build took of the kernel (`VO__end` and its kin), here taken of the
  /// ELF file.
  struct Unpacking {
    /// `output_len`: the file and its table, in bytes.
    let outputSize: UInt64
    let setup: Setup
    let request: LoaderRequest
    let header: LenientELF
    /// Which program headers there are; none that begins behind the payload.
    let headerCount: UInt64
    let options: DecompressorCommandLine
    /// Where the ELF file ends: what follows is the relocation table.
    let tableStart: UInt64
    /// `kernel_total_size`: from LOAD_PHYSICAL_ADDR to the end of bss and brk.
    let totalSize: UInt64
    /// `__bss_start - _text`: the farthest that a relocation may reach.
    let relocatedSize: UInt64

    init(_ payload: RawSpan, _ setup: Setup, _ request: LoaderRequest) {
      outputSize = UInt64(payload.byteCount)
      self.setup = setup
      self.request = request
      let header = LenientELF(payload, is64: true)
      self.header = header
      headerCount = LenientELF.entries(
        header.programHeaderCount ?? 0, at: header.programHeaderOffset ?? 0, stride: 56, in: payload)
      options = DecompressorCommandLine(request.commandLine)
      let extent = Extent(of: header, count: headerCount, in: payload)
      tableStart = min(extent.fileEnd, UInt64(payload.byteCount))
      totalSize = extent.memoryEnd > setup.linkedAddress ? extent.memoryEnd - setup.linkedAddress : 0
      let bss = extent.zeroStart &- Decompressor.startKernelMap
      relocatedSize = bss > setup.linkedAddress ? bss - setup.linkedAddress : 0
    }

    /// CONFIG_RANDOMIZE_BASE, which is why the build appends a table.
    var hasTable: Bool { outputSize > tableStart }

    var isRandomized: Bool { hasTable && !options.isFixed }

    /// KERNEL_IMAGE_SIZE: the window that the kernel's own tables map.
    var window: UInt64 { hasTable ? 1 << 30 : 1 << 29 }

    /// The larger of payload and kernel, in whole 2 MiB. Sizes of 2^62 stand for what is larger still.
    var neededSize: UInt64 { min(max(outputSize, totalSize), 1 << 62).roundedUp(to: Decompressor.leastAlignment) }

    /// Where it unpacks to: where the bzImage was loaded, aligned, but not below LOAD_PHYSICAL_ADDR (head_64.S).
    var output: UInt64 {
      let mask = setup.alignment &- 1
      return max((setup.loadAddress.value &+ mask) & ~mask, setup.linkedAddress)
    }

    var initSize: UInt64 { setup.initSize ?? min(max(outputSize, totalSize), 1 << 62).roundedUp(to: 0x1000) }
  }

  /// What the tables of an ELF file reach.
  private struct Extent {
    var fileEnd: UInt64 = 64
    var memoryEnd: UInt64 = 0
    /// The link address behind the highest segment's last byte of the file.
    var zeroStart: UInt64 = 0

    init(of header: LenientELF, count: UInt64, in payload: RawSpan) {
      let size = UInt64(payload.byteCount)
      note(end: header.programHeaderOffset ?? 0, plus: count * 56)
      var highest: UInt64 = 0
      for index in 0..<count {
        guard let segment = header.segment(index, stride: 56, in: payload) else { break }
        note(end: segment.offset, plus: segment.fileSize)
        guard segment.type == 1 else { continue }
        let (end, wraps) = segment.physicalAddress.addingReportingOverflow(segment.memorySize)
        memoryEnd = wraps ? .max : max(memoryEnd, end)
        guard segment.physicalAddress >= highest else { continue }
        highest = segment.physicalAddress
        zeroStart = Decompressor.startKernelMap &+ segment.physicalAddress &+ segment.fileSize
      }
      guard let table = header.sectionHeaderOffset, table > 0, table < size else { return }
      let sections = LenientELF.entries(header.sectionHeaderCount ?? 0, at: table, stride: 64, in: payload)
      note(end: table, plus: sections * 64)
      for index in 0..<sections {
        guard let section = header.section(index, stride: 64, in: payload) else { break }
        // SHT_NOBITS takes no room in the file.
        if section.type != 8 { note(end: section.offset, plus: section.size) }
      }
    }

    private mutating func note(end offset: UInt64, plus count: UInt64) {
      let (sum, overflow) = offset.addingReportingOverflow(count)
      if !overflow { fileEnd = max(fileEnd, sum) }
    }
  }
}

extension Decompressor.Unpacking {
  var physicalSlots: Decompressor.Slots<PhysicalAddress> {
    // The lower half of the buffer is never a slot of its own: it is shorter than the image.
    var avoided: [DecompressorSlotSearch.Span] = [(output, initSize)]
    avoided += setup.handedOver.map { ($0.start.value, $0.count.value) }
    let step = max(setup.slotAlignment, 1)
    var search = DecompressorSlotSearch(
      minimum: min(output, 512 << 20).roundedUp(to: step), needed: neededSize, step: step, avoided: avoided,
      options: options)
    if !options.hasTooMany { search.search(request.machine.usable) }
    return search.slots
  }

  var virtualSlots: Decompressor.Slots<VirtualAddress> {
    var slots = Decompressor.Slots<VirtualAddress>(step: setup.slotAlignment)
    let start = Decompressor.startKernelMap &+ setup.linkedAddress
    let (used, overflow) = setup.linkedAddress.addingReportingOverflow(neededSize)
    let isDrawn = isRandomized && !overflow && used <= window && setup.slotAlignment > 0
    slots.append(start, count: isDrawn ? 1 + (window - used) / setup.slotAlignment : 1)
    return slots
  }
}
