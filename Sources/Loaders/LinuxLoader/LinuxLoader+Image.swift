import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Placement

extension LinuxLoader {
  /// Who calls the crate on a processor whose kernels are `Image` files.
  public enum ImageMonitor: CaseIterable, Hashable, Sendable {
    case firecrackerAArch64, cloudHypervisorAArch64, cloudHypervisorRISCV
  }

  /// What a monitor does with an `Image` in a guest whose RAM is the usable memory of `request.machine`.
  ///
  /// Nothing is unpacked, and of the header only the magic, text_offset and image_size are looked at: neither flags nor
  /// the room behind the file that image_size asks for (rust-vmm/linux-loader, src/loader/pe/mod.rs, PE::load).
  public static func loadImage(_ image: RawSpan, _ request: LoaderRequest, monitor: ImageMonitor) -> LoaderOutcome {
    do throws(Stop) {
      guard try hasImageMagic(image, monitor) else { return .loads(try loadFirmware(image, request, monitor)) }
      return .loads(try placeImage(image, request, monitor))
    } catch {
      return error.outcome
    }
  }

  private static var file: String { "pe/mod.rs" }

  /// - Returns: false where the monitor takes a file without the magic for firmware.
  private static func hasImageMagic(_ image: RawSpan, _ monitor: ImageMonitor) throws(Stop) -> Bool {
    guard image.byteCount >= 64, let magic = image.load(UInt32.self, at: 56) else {
      throw Stop(
        "unable to read Image header", evidence: "\(image.byteCount) bytes",
        rule: rule("the file has the 64 bytes of an Image header", file))
    }
    guard magic != monitor.magic else { return true }
    guard monitor == .firecrackerAArch64 else { return false }
    throw Stop(
      "invalid Image magic number", evidence: "magic \(hex(UInt64(magic))) at 56",
      rule: rule("the magic is \(hex(UInt64(monitor.magic)))", file))
  }

  /// A file without format, in a flash memory of 4 MiB at 0 (Cloud Hypervisor, vmm/src/vm.rs, load_kernel).
  private static func loadFirmware(
    _ image: RawSpan, _ request: LoaderRequest, _ monitor: ImageMonitor
  ) throws(Stop) -> LoadPlan {
    let size = UInt64(image.byteCount), source = "Cloud Hypervisor, arch/src/uefi.rs"
    guard size <= 0x30_0000 else {
      throw Stop(
        "UefiTooBig", evidence: "magic \(hex(image.wide(UInt32.self, at: 56) ?? 0)) at 56, \(size) bytes",
        rule: Rule("a file without the magic is UEFI firmware, of 3 MiB at most", source: source))
    }
    var prediction = LoadPlan(
      loader: monitor.loader, reading: "UEFI firmware", machine: request.machine,
      entry: monitor.entry(at: 0, tree: monitor.firmwareTree))
    prediction.pieces = [
      Piece(
        source: .image(FileRange(uncheckedStart: FileOffset(unchecked: 0), count: ByteCount(size))),
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: 0), count: ByteCount(size)),
        owner: "firmware")
    ]
    prediction.remarks = [
      Remark(
        .entryElsewhere,
        "magic \(hex(image.wide(UInt32.self, at: 56) ?? 0)) at 56 is no Image's: the file is entered at its first byte, in "
          + "the flash memory at 0x0.",
        rule: Rule("what is no Image is UEFI firmware", source: "Cloud Hypervisor, vmm/src/vm.rs"))
    ]
    return prediction
  }

  private static func placeImage(
    _ image: RawSpan, _ request: LoaderRequest, _ monitor: ImageMonitor
  ) throws(Stop) -> LoadPlan {
    let size = UInt64(image.byteCount)
    let claimed = image.load(UInt64.self, at: 16) ?? 0
    var offset = image.load(UInt64.self, at: 8) ?? 0
    if claimed == 0, monitor != .cloudHypervisorRISCV { offset = 0x8_0000 }
    let (start, wraps) = monitor.base.addingReportingOverflow(offset)
    guard !wraps else {
      throw Stop(
        "invalid Image", evidence: "text_offset \(hex(offset))",
        rule: rule("\(hex(monitor.base)) + text_offset fits 64 bits", file))
    }
    let target = PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: ByteCount(size))
    guard start <= PhysicalAddress.greatest, request.machine.isUsable(target) else {
      throw Stop(
        "unable to read kernel image", evidence: "text_offset \(hex(offset)), \(size) bytes at \(hex(start))",
        rule: rule("guest memory holds the whole file", file))
    }
    let tree = monitor.tree(in: request.machine)
    var prediction = LoadPlan(
      loader: monitor.loader, reading: "Linux Image", machine: request.machine,
      entry: monitor.entry(at: start, tree: tree))
    prediction.pieces = [
      Piece(
        source: .image(FileRange(uncheckedStart: FileOffset(unchecked: 0), count: ByteCount(size))),
        destination: target, owner: "kernel")
    ]
    prediction.decisions = [
      Decision(
        "physical place", choice: hex(start),
        because: "\(hex(monitor.base)), the monitor's place, and text_offset \(hex(offset))"
          + (claimed == 0 && monitor != .cloudHypervisorRISCV ? ", which image_size 0 stands for" : "")),
      Decision("device tree", choice: hex(tree), because: monitor.treeRule),
    ]
    try addInitrd(request, monitor, tree, &prediction)
    remarkMeetings(kernel: start, size: max(size, claimed), tree, monitor, &prediction)
    return prediction
  }

  /// The first module, whole pages below the device tree or the end of memory.
  private static func addInitrd(
    _ request: LoaderRequest, _ monitor: ImageMonitor, _ tree: UInt64, _ prediction: inout LoadPlan
  ) throws(Stop) {
    for (index, module) in request.modules.enumerated().dropFirst() {
      prediction.remarks.append(
        Remark(
          .moduleIgnored, "module \(index), \(module.name): there is room for one initrd.",
          rule: Rule("one initrd", source: monitor.source)))
    }
    guard let module = request.modules.first else { return }
    let end = monitor == .firecrackerAArch64 ? tree : request.machine.usable.last?.endValue ?? 0
    let size = module.size.value.roundedUp(to: 4096)
    let start = end &- size
    guard size >= module.size.value, size <= end, start <= PhysicalAddress.greatest,
      request.machine.usable.contains(where: { $0.contains(PhysicalAddress(unchecked: start)) })
    else {
      let kind = monitor == .firecrackerAArch64 ? "initrd" : "initramfs"
      throw Stop(
        "Failed to compute the \(kind) address",
        evidence: "module 0, \(module.name): \(module.size.value) bytes below \(hex(end))",
        rule: Rule("its first byte lies in guest memory", source: monitor.source))
    }
    prediction.pieces.append(
      Piece(
        source: .module(0),
        destination: PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: start), count: module.size),
        owner: "initrd"))
  }

  /// Nobody compares the kernel's room with the other things' places.
  private static func remarkMeetings(
    kernel start: UInt64, size: UInt64, _ tree: UInt64, _ monitor: ImageMonitor, _ prediction: inout LoadPlan
  ) {
    let end = start.addingReportingOverflow(size)
    func remark(_ name: String, _ place: UInt64, _ count: UInt64) {
      guard place &+ count > start, end.overflow || place < end.partialValue else { return }
      prediction.remarks.append(
        Remark(
          .overlap, "The kernel's \(hex(size)) bytes from \(hex(start)) reach the \(name) at \(hex(place)).",
          rule: rule("image_size is not reserved", file)))
    }
    remark("device tree", tree, monitor.treeRoom)
    for piece in prediction.pieces where piece.owner == "initrd" {
      remark("initrd", piece.destination.start.value, piece.destination.count.value)
    }
  }
}
