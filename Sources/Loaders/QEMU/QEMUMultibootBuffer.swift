import Addresses
import BootProtocols
import KernelImage
import Placement

/// The buffer that the option ROM writes to memory after the firmware has run, and the boot information.
///
///     load_addr        page              + 16 each                          page      page
///     ├─ kernel ───────┼─ module table ──┼─ strings: modules, kernel, QEMU ─┼─ module ┼─ module …
struct QEMUMultibootBuffer {
  /// Where the boot information and the memory map lie (MULTIBOOT_STRUCT_ADDR).
  static let information: UInt64 = 0x9500
  static let memoryMap: UInt64 = 0x9000

  private let kernel: QEMUMultiboot.Kernel
  private let request: LoaderRequest
  private let memory: QEMUMemory
  /// Offsets from the buffer's start.
  private let table: UInt64
  private let strings: UInt64
  private let loaderName: UInt64
  private let modules: UInt64
  /// Of the whole buffer, in bytes.
  let size: UInt64

  /// Where the buffer goes.
  var address: UInt64 { kernel.address }

  init(_ kernel: QEMUMultiboot.Kernel, _ request: LoaderRequest) throws(QEMUStop) {
    self.kernel = kernel
    self.request = request
    memory = QEMUMemory(x86: request.machine)
    var text = UInt64(request.imageName.utf8.count) + 1 + UInt64(request.commandLine.utf8.count) + 1
    if !request.modules.isEmpty { text += Self.optionSize(request.modules) + 1 }
    table = kernel.size.roundedUp(to: 4096)
    strings = table + 16 * UInt64(request.modules.count)
    loaderName = strings + text
    modules = (loaderName + 5).roundedUp(to: 4096)
    var end = modules
    for module in request.modules {
      end = end &+ module.size.value.roundedUp(to: 4096)
      guard end <= 0xffff_ffff, module.size.value <= 0x7fff_ffff else { throw Self.tooLarge(kernel) }
    }
    guard end <= 0xffff_ffff else { throw Self.tooLarge(kernel) }
    size = end
  }

  private static func tooLarge(_ kernel: QEMUMultiboot.Kernel) -> QEMUStop {
    .misbehaves(
      "corrupts its memory", "kernel of \(hex(kernel.size)) bytes", "the buffer's size has 32 bits",
      QEMUMultiboot.source)
  }

  /// The length of `-initrd`: names and arguments with commas between them, their own commas doubled.
  private static func optionSize(_ modules: [LoaderRequest.Module]) -> UInt64 {
    var size = UInt64(modules.count) - 1
    for module in modules {
      let text = text(of: module)
      size += UInt64(text.utf8.count) + UInt64(text.utf8.count { $0 == UInt8(ascii: ",") })
    }
    return size
  }

  private static func text(of module: LoaderRequest.Module) -> String {
    module.arguments.isEmpty ? module.name : "\(module.name) \(module.arguments)"
  }

  func predict() throws(QEMUStop) -> LoadPlan {
    try checkOptionROM()
    var prediction = LoadPlan(loader: .qemuMultiboot, reading: kernel.reading, machine: request.machine, entry: state)
    prediction.remarks = kernel.remarks
    let inside = kernel.parts.contains { kernel.entry &- $0.address < $0.size }
    prediction.remarkEntry(inside: inside, kernel.entry)
    remarkGaps(&prediction)
    remarkLowMemory(&prediction)
    var roms = QEMURomList()
    for part in kernel.parts { roms.add(part) }
    addStrings(&roms, &prediction)
    addInformation(&roms, &prediction)
    roms.place(in: memory, copied: true, as: &prediction)
    prediction.decisions.append(
      Decision(
        "buffer", choice: hex(kernel.address),
        because: "the lowest p_paddr, also of a segment without bytes, or load_addr"))
    prediction.decisions.append(
      Decision(
        "modules and strings", choice: hex(kernel.address &+ table),
        because: "one buffer from the kernel's lowest address: kernel, table, strings and modules, on pages"))
    return prediction
  }

  /// Module table, strings and modules.
  private func addStrings(_ roms: inout QEMURomList, _ prediction: inout LoadPlan) {
    var rows: [UInt8] = []
    var text: [UInt8] = []
    var place = modules
    var loads: [QEMURom] = []
    for (index, module) in request.modules.enumerated() {
      let start = kernel.address &+ place
      for value in [start, start &+ module.size.value, kernel.address &+ strings &+ UInt64(text.count), 0] {
        Self.append(value, to: &rows)
      }
      text += Array(Self.text(of: module).utf8) + [0]
      loads.append(
        QEMURom(name: "module \(index)", address: start, size: module.size.value, contents: .module(index)))
      place += module.size.value.roundedUp(to: 4096)
    }
    text += Array("\(request.imageName) \(request.commandLine)".utf8) + [0]
    if !rows.isEmpty { add("module table", rows, at: kernel.address &+ table, &roms, &prediction) }
    add("strings", text, at: kernel.address &+ strings, &roms, &prediction)
    add("boot loader name", Array("qemu".utf8) + [0], at: kernel.address &+ loaderName, &roms, &prediction)
    for load in loads { roms.add(load) }
  }

  /// The boot information's fields that QEMU knows, where the buffer leaves them; mem_lower, mem_upper and mmap_length
  /// are the option ROM's.
  private func addInformation(_ roms: inout QEMURomList, _ prediction: inout LoadPlan) {
    var bytes: [UInt8] = []
    let moduleText = request.modules.reduce(0 as UInt64) { $0 + UInt64(Self.text(of: $1).utf8.count) + 1 }
    let fields: [UInt64] = [
      0x24f, 0, 0, 0x8000_ffff, kernel.address &+ strings &+ moduleText, UInt64(request.modules.count),
      kernel.address &+ table, 0, 0, 0, 0, 0, Self.memoryMap, 0, 0, 0, kernel.address &+ loaderName, 0, 0, 0, 0, 0,
    ]
    for field in fields { Self.append(field, to: &bytes) }
    let start = Self.information
    for known in [start..<start + 4, start + 12..<start + 44, start + 48..<start + 88] {
      for range in left(of: known) {
        let part = Array(bytes[Int(range.lowerBound - start)..<Int(range.upperBound - start)])
        add("boot information", part, at: range.lowerBound, &roms, &prediction)
      }
    }
  }

  private func add(
    _ name: String, _ bytes: [UInt8], at address: UInt64, _ roms: inout QEMURomList, _ prediction: inout LoadPlan
  ) {
    let blob = prediction.addBlob(name, bytes)
    roms.add(
      QEMURom(name: name, address: address & 0xffff_ffff, size: UInt64(bytes.count), contents: .blob(blob)))
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(shift)))) }
  }

  /// The buffer is not cleared where no segment lies (g_malloc).
  private func remarkGaps(_ prediction: inout LoadPlan) {
    var end = kernel.address
    for part in kernel.parts {
      if part.address > end {
        prediction.remarks.append(
          Remark(
            .unspecified, "from \(hex(end)) to \(hex(part.address)), between segments, lies what was in QEMU's memory",
            rule: Rule("the buffer is not cleared", source: QEMUMultiboot.source)))
      }
      end = max(end, part.end)
    }
  }

  private var state: EntryState {
    EntryState(
      mode: .protected32, address: kernel.entry,
      registers: [
        .init("eax", 0x2bad_b002, "Multiboot magic"), .init("ebx", Self.information, "boot information"),
        .init("ecx", kernel.entry, "the entry"), .init("cs", 8, "flat code"), .init("ds", 0x10, "flat data"),
        .init("es", 0x10, "flat data"), .init("ss", 0x10, "flat data"), .init("fs", 0x10, "flat data"),
        .init("gs", 0x10, "flat data"), .init("cr0", 0x11, "protected mode without paging"), .init("cr4", 0, ""),
      ])
  }
}
