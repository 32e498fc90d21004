import AddressSpace
import Addresses
import BootProtocols
import Placement

/// Finds room for an `Image`, its device tree and its initrd, each at the lowest place that the rules allow.
struct ImagePlaces {
  private static let block: UInt64 = 2 << 20
  private static let window: UInt64 = 1 << 30

  private let request: LoaderRequest
  private let source: String
  /// Where the image is entered, and what it takes from there, .bss included.
  private(set) var kernel: UInt64 = 0
  private var kernelSize: UInt64 = 0
  private(set) var tree: UInt64 = 0
  private var module: UInt64?
  private var decisions: [Decision] = []
  private var remarks: [Remark] = []

  init(_ request: LoaderRequest, source: String) {
    self.request = request
    self.source = source
  }

  /// - Parameters:
  ///   - limit: the address that the image ends below, a power of two.
  ///   - header: an arm64 one, whose placement bit counts.
  mutating func placeKernel(
    offset: UInt64, size: UInt64, below limit: UInt64, _ header: ImageHeader?
  ) throws(Refusal) {
    let (room, wraps) = offset.addingReportingOverflow(size)
    guard !wraps, room < limit, let base = lowest(room, alignment: Self.block, from: 0, below: limit) else {
      throw Refusal(
        "no room for the kernel", evidence: "text_offset \(hex(offset)), \(hex(size)) bytes with .bss",
        rule: Rule(
          "text_offset and image_size from a multiple of 2 MiB lie in one range of memory, below \(hex(limit))",
          source: source))
    }
    (kernel, kernelSize) = (base + offset, size)
    decisions.append(
      Decision(
        "physical place", choice: hex(kernel),
        because: "the lowest base that is a multiple of 2 MiB, \(hex(base)), and text_offset: \(source)"))
    guard let header, !header.isForAnyPlace, let first = request.machine.usable.first, base > first.start.value else {
      return
    }
    remarks.append(
      Remark(
        .outsideMemory,
        "flags \(hex(header.flags)): the kernel cannot use the memory below its base, \(hex(first.start.value)) to "
          + "\(hex(base)).",
        rule: Rule("bit 3 clear: the base is as near to the start of memory as can be", source: source)))
  }

  /// The device tree has 2 MiB of its own, so that no other attribute meets it.
  mutating func placeTree(fromTop: Bool) throws(Refusal) {
    let place =
      fromTop
      ? highest(Self.block, alignment: Self.block, from: kernel + kernelSize, below: kernel + (512 << 20))
      : lowest(Self.block, alignment: Self.block, from: kernel + kernelSize, below: 1 << 56)
    guard let place else {
      throw Refusal(
        "no room for the device tree", evidence: "the kernel ends at \(hex(kernel + kernelSize))",
        rule: Rule("at most 2 MiB, aligned to 8 bytes, in a region of 2 MiB of its own", source: source))
    }
    tree = place
    decisions.append(
      Decision(
        "device tree", choice: hex(place),
        because: fromTop
          ? "the highest 2 MiB in 512 MiB from the kernel: what follows an old kernel is kept free: \(source)"
          : "the lowest 2 MiB behind the kernel: \(source)"))
  }

  /// The first module, in whole pages, in the window of the kernel.
  mutating func placeModule() throws(Refusal) {
    for (index, module) in request.modules.enumerated().dropFirst() {
      remarks.append(
        Remark(
          .moduleIgnored, "module \(index), \(module.name): there is one initrd.",
          rule: Rule("the device tree names one initrd", source: source)))
    }
    guard let first = request.modules.first else { return }
    let size = first.size.value.roundedUp(to: 4096)
    let end = kernel + kernelSize
    let limit = (kernel & ~(Self.window - 1)) + (32 << 30)
    // The gap before the device tree is as good as what follows it.
    let place =
      lowest(size, alignment: 4096, from: end, below: min(tree, limit))
      ?? lowest(size, alignment: 4096, from: tree + Self.block, below: limit)
    guard size >= first.size.value, let place else {
      throw Refusal(
        "no room for the initrd", evidence: "module 0, \(first.name): \(first.size.value) bytes",
        rule: Rule("it lies with the kernel in 32 GiB from a multiple of 1 GiB", source: source))
    }
    module = place
    decisions.append(
      Decision("initrd", choice: hex(place), because: "the lowest page in the kernel's window of 32 GiB: \(source)"))
  }

  func prediction(_ loader: LoaderName, _ image: RawSpan, entry: EntryState) -> LoadPlan {
    var prediction = LoadPlan(loader: loader, reading: "Linux Image", machine: request.machine, entry: entry)
    let size = UInt64(image.byteCount)
    prediction.pieces = [
      piece(
        .image(FileRange(uncheckedStart: FileOffset(unchecked: 0), count: ByteCount(size))), kernel, size, "kernel")
    ]
    if let module, let first = request.modules.first {
      prediction.pieces.append(piece(.module(0), module, first.size.value, "initrd"))
    }
    prediction.decisions = decisions
    prediction.remarks = remarks
    return prediction
  }

  private func piece(_ source: Piece.Source, _ start: UInt64, _ count: UInt64, _ owner: String) -> Piece {
    Piece(
      source: source,
      destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(count)),
      owner: owner)
  }

  private func lowest(_ size: UInt64, alignment: UInt64, from start: UInt64, below limit: UInt64) -> UInt64? {
    for range in request.machine.usable {
      let place = max(range.start.value, start).roundedUp(to: alignment)
      let end = min(range.endValue, limit)
      if place <= end, size <= end - place { return place }
    }
    return nil
  }

  private func highest(_ size: UInt64, alignment: UInt64, from start: UInt64, below limit: UInt64) -> UInt64? {
    for range in request.machine.usable.reversed() {
      let end = min(range.endValue, limit)
      guard size <= end else { continue }
      let place = (end - size) & ~(alignment - 1)
      if place >= max(range.start.value, start) { return place }
    }
    return nil
  }
}
