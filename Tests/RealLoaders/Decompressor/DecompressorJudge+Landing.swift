import AddressSpace
import Addresses
import BootProtocols
import Codecs
import Foundation
import KernelImage
import Loaders
import Machines
import Placement
import TestSupport

extension DecompressorJudge.Trial {
  /// Where the decompressor unpacks to, and from there where the copy of the wrapper stands that jumps.
  private var jump: UInt64 { setup.linkedAddress + (setup.initSize ?? 0) - kernel.wrapperSize + kernel.jump }

  /// Lets the guest run until it stands at the jump; nil when its time is up. QEMU tells registers of a stopped guest only.
  private func registersAtJump(_ machine: QEMUMachine) throws -> RegisterDump? {
    let limit = ContinuousClock.now + .seconds(boot.timeLimit)
    while ContinuousClock.now < limit {
      _ = try machine.monitor("cont")
      Thread.sleep(forTimeInterval: 0.05)
      try machine.pause()
      let registers = try machine.registers()
      if registers.rip == jump { return registers }
    }
    return nil
  }

  func loadDifference(
    _ machine: QEMUMachine, _ expected: DecompressorJudge.Expected, _ payload: UnpackedBytes
  ) throws -> String? {
    guard let registers = try registersAtJump(machine) else { return "the decompressor never jumps to the kernel" }
    let place = self.place(registers)
    if let found = placeDifference(place, expected) { return found }
    guard let memory = machine.memory else { return "no memory" }
    let slide = try self.slide(at: place, in: memory, payload)
    let address = VirtualAddress(truncating: 0xffff_ffff_8000_0000 &+ setup.linkedAddress &+ slide)
    guard expected.slides.contains(address) else {
      return "the virtual place is \(address.value.swiftText), none of \(expected.slides)"
    }
    if let found = zeroPageDifference(registers.general.rsi, memory, expected) { return found }
    if let found = try imageDifference(at: place, slide: slide, in: memory, payload) { return found }
    return boot.isFollowed ? try offsetDifference(slide, entry: registers.general.rax, machine) : nil
  }

  private func place(_ registers: RegisterDump) -> PhysicalAddress {
    PhysicalAddress(truncating: registers.general.rax &- (kernel.elf.header.entry.value &- setup.linkedAddress))
  }

  /// The physical place of one boot; nil when it never comes to the jump.
  func drawnPlace() throws -> PhysicalAddress? {
    let folder = try TemporaryFolder()
    let machine = try QEMUMachine(
      configuration(try folder.write(try kernel.stopping(boot.damage), to: "vmlinuz"), folder))
    defer { machine.end() }
    return try registersAtJump(machine).map(place)
  }

  private func placeDifference(_ place: PhysicalAddress, _ expected: DecompressorJudge.Expected) -> String? {
    if expected.places.total > 0 {
      return expected.places.contains(place)
        ? nil : "the physical place is \(place.value.swiftText), none of \(expected.places)"
    }
    let fixed = expected.prediction.entry.address &- (kernel.elf.header.entry.value &- setup.linkedAddress)
    return place.value == fixed
      ? nil : "the physical place is \(place.value.swiftText) instead of \(fixed.swiftText)"
  }

  /// By how much the first word of the 64-bit list has grown.
  private func slide(at place: PhysicalAddress, in memory: GuestMemory, _ payload: UnpackedBytes) throws -> UInt64 {
    guard let table = kernel.relocations else { return 0 }
    return try payload.withBytes { (bytes) throws in
      let entry = UInt64(bytes.load(UInt32.self, at: table.entries64.start.value) ?? 0)
      let offset = entry &- (0x8000_0000 + setup.linkedAddress)
      guard
        let segment = kernel.elf.loadSegments.first(where: {
          offset &+ setup.linkedAddress &- $0.physicalAddress < $0.fileSize.value
        }),
        let linked = bytes.load(
          UInt64.self, at: segment.fileRange.start.value + offset + setup.linkedAddress - segment.physicalAddress)
      else { throw DecompressorKernel.Unusable.noPayload }
      let found = memory.withBytes(
        of: PhysicalRange(uncheckedStart: PhysicalAddress(place.value + offset), count: ByteCount(8))
      ) { $0.load(UInt64.self, at: 0) ?? 0 }
      return (found ?? 0) &- linked
    }
  }

  /// RSI is the zero page, where the model has it; the decompressor notes there whether it has drawn (KASLR_FLAG, bit 1 of
  /// loadflags).
  private func zeroPageDifference(
    _ address: UInt64, _ memory: GuestMemory, _ expected: DecompressorJudge.Expected
  ) -> String? {
    let page = PhysicalAddress(truncating: address)
    guard setup.handedOver[0].contains(page) else { return "the zero page is at \(page.value.swiftText)" }
    let flags =
      memory.withBytes(of: PhysicalRange(uncheckedStart: page, count: ByteCount(4096))) {
        $0.load(UInt8.self, at: 0x211) ?? 0
      } ?? 0
    let isDrawn = expected.prediction.remarks.contains { $0.sentence.hasPrefix("The virtual place is drawn") }
    return (flags & 2 != 0) == isDrawn ? nil : "loadflags is \(flags), but drawn: \(isDrawn)"
  }

  /// Every byte of every segment's file range. What p_memsz adds is the kernel's to clear.
  private func imageDifference(
    at place: PhysicalAddress, slide: UInt64, in memory: GuestMemory, _ payload: UnpackedBytes
  ) throws -> String? {
    let wanted = try relocatedImage(at: place, slide: slide, payload)
    for segment in kernel.elf.loadSegments where segment.fileSize.value > 0 {
      let offset = segment.physicalAddress - setup.linkedAddress
      let range = PhysicalRange(uncheckedStart: PhysicalAddress(place.value + offset), count: segment.fileSize)
      let first = Int(offset)
      let found = memory.withBytes(of: range) { (real) -> Int? in
        wanted.withUnsafeBytes { all in
          let mine = UnsafeRawBufferPointer(rebasing: all[first..<first + real.byteCount])
          return real.withUnsafeBytes { real in
            memcmp(real.baseAddress!, mine.baseAddress!, real.count) == 0
              ? nil : zip(real, mine).enumerated().first { $1.0 != $1.1 }?.offset
          }
        }
      }
      guard let found else { return "segment \(segment.index) is not all in memory" }
      if let byte = found {
        return "segment \(segment.index), byte \(UInt64(byte).swiftText) differs, place \(place.value.swiftText), "
          + "slide \(slide.swiftText)"
      }
    }
    return nil
  }

  /// What Perch's own loader makes of the payload for the same places.
  private func relocatedImage(at place: PhysicalAddress, slide: UInt64, _ payload: UnpackedBytes) throws -> [UInt8] {
    var request = PlanRequest(machine: self.request.machine)
    request.physical = .at(place)
    request.slide = Int64(bitPattern: slide)
    return try payload.withBytes { (bytes) throws in
      // A damaged table is another one; the real one does not look at it where nothing moves.
      let table = slide == 0 ? nil : try RelocationTable(parsing: bytes, of: kernel.elf)
      let image = LinuxImage(
        elf: kernel.elf, relocations: table, setup: kernel.bzImage.setup,
        setupBytes: [UInt8](kernel.file[0x1f1..<0x290]), unpackedSize: payload.count)
      let plan = try PerchLoader.plan(linux: image, request: request)
      var memory = [UInt8](repeating: 0, count: Int(plan.imageExtent.count.value))
      var span = memory.mutableSpan
      var raw = span.mutableBytes
      try plan.materialise(plan.imageExtent, into: &raw, image: bytes, modules: NoModules())
      return memory
    }
  }

  /// "Kernel Offset: 0x1c000000 from 0xffffffff81000000": the kernel's own word, when it panics without a root.
  private func offsetDifference(_ slide: UInt64, entry: UInt64, _ machine: QEMUMachine) throws -> String? {
    try machine.setRegister(named: "rip", to: entry)
    let outcome = try machine.run()
    let wanted = "Kernel Offset: 0x\(String(slide, radix: 16)) from"
    let disabled = slide == 0 && "\(outcome)".contains("Kernel Offset: disabled")
    guard case .matched(let line) = outcome, line.contains(wanted) || disabled else {
      return "the kernel does not say “\(wanted)”: \(outcome)"
    }
    return nil
  }
}
