import AddressSpace
import Addresses
import BootProtocols
import Placement

extension GRUBLoad {
  /// The bytes of the code that sets the registers, with its GDT: RELOCATOR_SIZEOF (32).
  private static var trampolineSize: UInt32 { 0xd0 }

  /// What `module` and `boot` add: modules, boot information, the trampoline; then the state at the jump.
  mutating func finish() throws(GRUBStop) -> LoadPlan {
    var moduleText: UInt32 = 0
    var moduleCount: UInt32 = 0
    for (index, module) in request.modules.enumerated() {
      guard placeModule(index, module) else { continue }
      moduleCount += 1
      moduleText &+= Self.textSize(module.arguments).grubAlignedUp(to: version == 1 ? 4 : 8)
    }
    let information = try placeInformation(modules: moduleCount, moduleText)
    let trampoline = try relocator.place(
      from: 0x1000, upTo: 0x9a000 - Self.trampolineSize, size: Self.trampolineSize, alignment: 16, preferLow: true,
      "trampoline")
    made("trampoline", at: trampoline, Self.trampolineSize)
    remark()
    prediction.entry = state(information: information)
    return prediction
  }

  /// A module that finds no room is an error of its own command: `boot` goes on without it.
  private mutating func placeModule(_ index: Int, _ module: LoaderRequest.Module) -> Bool {
    let size = UInt32(clamping: module.size.value)
    guard size > 0 else { return true }
    do throws(GRUBStop) {
      let target = try relocator.place(
        from: version == 1 ? 0x10_0000 : 0, upTo: ~size &+ 1, size: size, alignment: 4096, "module \(index)")
      add(.module(index), at: target, UInt64(size), owner: "module \(index)")
      prediction.decisions.append(
        Decision("module \(index)", choice: hex(target), because: "the lowest free page-aligned place"))
      return true
    } catch {
      prediction.remarks.append(
        Remark(
          .moduleIgnored, "Module \(index) of \(hex(size)) bytes finds no room; boot goes on without it.",
          rule: Rule("A failed module command leaves the kernel loaded.", source: GRUBSource.command.citation)))
      return false
    }
  }

  private mutating func placeInformation(modules: UInt32, _ moduleText: UInt32) throws(GRUBStop) -> UInt32 {
    let commandLine = Self.textSize(request.commandLine)
    let entries = UInt32(clamping: request.machine.entries.count)
    let sections = sectionTableSize
    guard version == 1 else {
      // The tags in the order of grub_multiboot2_get_mbi_size: head, end, and the fixed-size ones.
      let size =
        Self.fixedSize2 &+ commandLine.grubAlignedUp(to: 8) &+ 16 &* modules &+ moduleText
        &+ sections.grubAlignedUp(to: 8) &+ (16 &+ 24 &* entries)
      let target = try relocator.place(
        from: 0x1000, upTo: .max &- size, size: size, alignment: 8, "boot information")
      made("boot information", at: target, size)
      return target
    }
    let size =
      Self.fixedSize1 &+ commandLine.grubAlignedUp(to: 4) &+ 16 &* modules &+ moduleText &+ 24 &* entries &+ sections
    guard size <= 0x90000 else {
      throw .refuses(
        "", "boot information of \(hex(size)) bytes",
        "It must fit between 0x10000 and 0xa0000; boot fails without a word.", .version1)
    }
    let target = try relocator.place(
      from: 0x10000, upTo: 0xa0000 - size, size: size, alignment: 4, "boot information")
    made("boot information", at: target, size)
    return target
  }

  /// Of grub_multiboot_get_mbi_size: the structure (120), the loader's name, 256 colours of 3 bytes, VBE controller
  /// (512) and mode (256) blocks, APM table (20).
  private static var fixedSize1: UInt32 { 120 + nameSize.grubAlignedUp(to: 4) + 768 + 512 + 256 + 20 }

  /// Of grub_multiboot2_get_mbi_size.
  private static var fixedSize2: UInt32 {
    let head: UInt32 = 8 + 8 + 8
    let strings: UInt32 = 8 + 8 + nameSize.grubAlignedUp(to: 8)
    let memory: UInt32 = 16 + 24 + 24
    let display: UInt32 = 40 + 784 + 7
    let firmware: UInt32 = 32 + 28 + 7 + 16
    return head + strings + memory + display + firmware
  }

  private static var nameSize: UInt32 { UInt32(GRUB.packageString.utf8.count) + 1 }

  /// Words with one space between them, and the byte that ends them (grub_loader_cmdline_size).
  private static func textSize(_ text: String) -> UInt32 { UInt32(clamping: text.utf8.count) &+ 1 }

  /// A piece of GRUB's own making, whose bytes are not predicted.
  private mutating func made(_ name: String, at target: UInt32, _ size: UInt32) {
    add(.blob(prediction.blobs.count), at: target, UInt64(size), owner: name)
    prediction.blobs.append(Blob(name: name, bytes: []))
  }

  private mutating func remark() {
    let entry = PhysicalAddress(unchecked: UInt64(self.entry))
    let pieces = prediction.pieces
    if !pieces.contains(where: { $0.extent.contains(entry) }) {
      prediction.remarks.append(
        Remark(
          .entryOutsideImage, "The entry \(hex(self.entry)) lies in no loaded byte.",
          rule: Rule("The entry is not compared with what was loaded.", source: GRUBSource.command.citation)))
    }
    for piece in pieces where !request.machine.isUsable(piece.extent) {
      prediction.remarks.append(
        Remark(
          .outsideMemory, "\(piece.owner) is put at \(hex(piece.extent.start.value)), where memory is not usable.",
          rule: Rule(
            "A place that the image names is not compared with the memory map.",
            source: GRUBSource.relocator.citation)))
    }
    guard relocator.isInGap else { return }
    // Seen: with some such images GRUB finds no gap.
    prediction.remarks.append(
      Remark(
        .unspecified,
        "Where GRUB's heap has no gap that holds a part until the jump, it says “\(GRUB.noRoom)” instead.",
        rule: Rule(
          "What goes beyond memory, after what goes below 1 MiB, is kept in gaps of GRUB's heap.",
          source: GRUBSource.relocator.citation)))
  }

  /// grub_relocator32: MULTIBOOT_INITIAL_STATE of include/grub/i386/multiboot.h.
  private func state(information: UInt32) -> EntryState {
    let zeros = ["ecx", "edx", "esi", "edi", "ebp"].map { EntryState.Register($0, 0, "zero") }
    return EntryState(
      mode: .protected32, address: UInt64(entry),
      registers: [
        EntryState.Register(
          "eax", version == 1 ? 0x2bad_b002 : 0x36d7_6289, version == 1 ? "Multiboot magic" : "Multiboot2 magic"),
        EntryState.Register("ebx", UInt64(information), "boot information"),
      ] + zeros + [
        EntryState.Register("esp", 0x7ff00, "GRUB's stack"),
        EntryState.Register("eflags", 0x46, "interrupts off, direction up"),
        EntryState.Register("cr0", 0x11, "protection, no paging"),
        EntryState.Register("cr4", 0, "no PAE"),
        EntryState.Register("cs", 0x10, "flat code, GDT of the trampoline"),
        EntryState.Register("ds", 0x18, "flat data; es, fs, gs and ss alike"),
      ])
  }
}
