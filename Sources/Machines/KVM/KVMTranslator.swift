public import Addresses
import CHost
import Glibc

/// Linux's KVM as a page walker: a virtual processor that never runs, whose tables KVM walks on request
/// (Linux, Documentation/virt/kvm/api.rst, 4.12 KVM_SET_SREGS and 4.34 KVM_TRANSLATE).
///
/// The walk is that of a supervisor's read with RFLAGS.AC clear. It judges present bits, reserved bits (up to
/// ``physicalBits``, and the XD bit while EFER.NXE is clear), page sizes and SMAP. It does not judge whether an address
/// is canonical, nor rights to write and to execute. Nothing is cached: every call reads the tables as they are, except
/// that PAE's four entries at CR3 are read by ``setPaging(cr3:cr0:cr4:efer:)``. **A walk sets the accessed bits** in the
/// tables that it uses, as the processor does.
///
/// `@safe`: the pointers are private, and every use of them states why it holds.
@safe public final class KVMTranslator {
  /// Bytes of a file that stand somewhere in physical memory.
  public struct Region {
    public let file: AnonymousFile
    /// Whole pages of the file.
    public let bytes: FileRange
    /// Where the first of them stands: a page boundary.
    public let physical: PhysicalAddress

    public init(file: AnonymousFile, bytes: FileRange, physical: PhysicalAddress) {
      self.file = file
      self.bytes = bytes
      self.physical = physical
    }
  }

  /// What stands for no translation (`PERCH_KVM_NO_TRANSLATION`, a cast that Swift does not import).
  private static let nothing = UInt64.max

  private var translator = perch_kvm_translator()
  /// Where each region is mapped, and its bytes.
  private var mappings: [(base: UInt, count: Int)] = []

  /// Makes the processor, with a whole file as its memory from physical address 0.
  ///
  /// - Throws: as ``init(regions:)``.
  public convenience init(memory: AnonymousFile) throws(MachineError) {
    let bytes = FileRange(uncheckedStart: FileOffset(0), count: memory.size)
    try self.init(regions: [Region(file: memory, bytes: bytes, physical: PhysicalAddress(0))])
  }

  /// Makes the processor, with every feature that KVM offers here (KVM_GET_SUPPORTED_CPUID).
  ///
  /// - Throws: ``MachineError/system(call:errno:)`` with the call that the system refused: without /dev/kvm "open
  ///   /dev/kvm" with ENOENT or EACCES; for regions that are no whole pages or overlap "KVM_SET_USER_MEMORY_REGION" with
  ///   EINVAL or EEXIST.
  public init(regions: [Region]) throws(MachineError) {
    // SAFETY: the call fills this object's own structure. A failure leaves it ready to be closed by deinit.
    guard unsafe perch_kvm_translator_open(&translator) == 0 else { throw failure() }
    for (slot, region) in regions.enumerated() { try map(region, slot: UInt32(slot)) }
  }

  deinit {
    // SAFETY: 1. closing the machine ends its use of the mappings; 2. each mapping is this object's own, of its count.
    unsafe perch_kvm_translator_close(&translator)
    for mapping in mappings { unsafe munmap(UnsafeMutableRawPointer(bitPattern: mapping.base), mapping.count) }
  }

  /// MAXPHYADDR: the bits of a physical address. Higher address bits of an entry are reserved.
  public var physicalBits: Int { Int(translator.physical_bits) }
  /// CR4.LA57: tables of five levels.
  public var supportsFiveLevel: Bool { has(PERCH_KVM_LA57) }
  /// Pages of 1 GiB. Without them bit 7 of a PDPT entry is reserved.
  public var supportsGibibytePages: Bool { has(PERCH_KVM_PAGE_1GIB) }
  /// EFER.NXE and bit 63 of an entry.
  public var supportsExecuteDisable: Bool { has(PERCH_KVM_NX) }

  private func has(_ feature: perch_kvm_feature) -> Bool { translator.features & UInt32(feature.rawValue) != 0 }

  private func map(_ region: Region, slot: UInt32) throws(MachineError) {
    let size = region.file.size
    guard let count = Int(exactly: region.bytes.count.value), count > 0, count & 0xfff == 0,
      region.bytes.start.value <= size.value, region.bytes.count.value <= size.value - region.bytes.start.value
    else {
      throw MachineError.unsupportedMemorySize(region.bytes.count, allowed: "whole pages of 4096 bytes inside the file")
    }
    // SAFETY: the address is the kernel's choice, so that no other memory is touched.
    let mapping = unsafe mmap(
      nil, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, region.file.descriptor,
      Int(region.bytes.start.value))
    guard let mapping = unsafe mapping, unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1) else {
      throw systemError("mmap")
    }
    mappings.append((UInt(bitPattern: mapping), count))
    // SAFETY: the mapping is `count` bytes long and stays until the machine is closed.
    guard
      unsafe perch_kvm_translator_map(
        &translator, slot, region.physical.value, mapping, region.bytes.count.value) == 0
    else { throw failure() }
  }

  /// Sets the registers that decide how an address is translated.
  ///
  /// - Parameters:
  ///   - cr3: the physical address of the root table, and PCID where CR4.PCIDE is set.
  ///   - cr0: PE and PG. ET is set in any case; WP makes no difference to a read.
  ///   - cr4: PSE, PAE, LA57, SMAP.
  ///   - efer: LME and LMA, both or none; NXE.
  /// - Throws: ``MachineError/system(call:errno:)``, "KVM_SET_SREGS" with EINVAL, for what contradicts itself or the
  ///   processor; ``MachineError/unexpectedAnswer(channel:to:found:)`` where KVM took the registers and changed them:
  ///   one without hardware paging (kvm-pvm) cannot page outside long mode and clears CR0.PG.
  public func setPaging(cr3: UInt64, cr0: UInt64, cr4: UInt64, efer: UInt64) throws(MachineError) {
    let wanted = perch_kvm_paging(cr0: cr0 | 0x10, cr3: cr3, cr4: cr4, efer: efer)
    var taken = wanted
    // SAFETY: the call reads and writes two structures that live through it.
    guard unsafe perch_kvm_translator_set_paging(&translator, &taken) == 0 else { throw failure() }
    guard taken.cr0 == wanted.cr0, taken.cr3 == cr3, taken.cr4 == cr4, taken.efer == efer else {
      throw MachineError.unexpectedAnswer(channel: "KVM", to: text(wanted), found: text(taken))
    }
  }

  /// Where KVM's page walker finds an address; nil where it finds nothing.
  ///
  /// - Throws: ``MachineError/system(call:errno:)``, "KVM_TRANSLATE".
  public func translate(_ address: VirtualAddress) throws(MachineError) -> PhysicalAddress? {
    var (linear, result) = (address.value, Self.nothing)
    // SAFETY: the call reads one address and writes one result.
    guard unsafe perch_kvm_translator_translate(&translator, &linear, &result, 1) == 0 else { throw failure() }
    return try physical(result)
  }

  /// Where KVM's page walker finds each of many addresses, in their order.
  ///
  /// - Throws: as ``translate(_:)-(VirtualAddress)``.
  public func translate(_ addresses: [VirtualAddress]) throws(MachineError) -> [PhysicalAddress?] {
    let linear = addresses.map(\.value)
    var results = linear
    // SAFETY: both arrays hold as many elements as the call is told.
    guard unsafe perch_kvm_translator_translate(&translator, linear, &results, linear.count) == 0 else {
      throw failure()
    }
    var found: [PhysicalAddress?] = []
    found.reserveCapacity(results.count)
    for result in results { found.append(try physical(result)) }
    return found
  }

  private func physical(_ result: UInt64) throws(MachineError) -> PhysicalAddress? {
    guard result != Self.nothing else { return nil }
    guard let address = try? PhysicalAddress(checking: result) else {
      throw MachineError.unexpectedAnswer(channel: "KVM", to: "KVM_TRANSLATE", found: hexadecimal(result))
    }
    return address
  }

  private func failure() -> MachineError {
    MachineError.system(call: translator.call ?? "KVM_TRANSLATE", errno: translator.error)
  }

  private func text(_ paging: perch_kvm_paging) -> String {
    "CR0 \(hexadecimal(paging.cr0)), CR3 \(hexadecimal(paging.cr3)), CR4 \(hexadecimal(paging.cr4)), "
      + "EFER \(hexadecimal(paging.efer))"
  }

  private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
