public import AddressSpace
public import Addresses
import CHost
import Glibc
import KernelImage
public import PageTables
public import Placement

extension KVMMachine {
  /// The memory of a guest under /dev/kvm: zeros, until something is written. Meaningful while the guest does not run.
  ///
  /// There is memory in every page of 4 KiB that the map calls usable, be it in part; nothing is anywhere else.
  ///
  /// `@safe`: the pointers are private, and every use of them states why it holds.
  @safe public final class Memory {
    /// Whole pages that follow one another among the physical addresses, and their mapping in this process.
    private struct Bank {
      let range: PhysicalRange
      let base: UInt
    }

    private var banks: [Bank] = []

    /// Reserves the memory of a machine; pages that nobody touches cost nothing.
    ///
    /// - Throws: ``MachineError/system(call:errno:)``, "mmap".
    public init(_ map: MemoryMap) throws(MachineError) {
      for range in Self.pages(of: map) {
        // SAFETY: the address is the kernel's choice, so that no other memory is touched.
        let mapping = unsafe mmap(
          nil, Int(range.count.value), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapping = unsafe mapping, unsafe mapping != UnsafeMutableRawPointer(bitPattern: -1) else {
          throw systemError("mmap")
        }
        banks.append(Bank(range: range, base: UInt(bitPattern: mapping)))
      }
    }

    deinit {
      // SAFETY: each mapping is this object's own; machines that use it hold the object.
      for bank in banks {
        unsafe munmap(UnsafeMutableRawPointer(bitPattern: bank.base), Int(bank.range.count.value))
      }
    }

    /// The usable ranges, widened to whole pages, joined where they meet.
    private static func pages(of map: MemoryMap) -> [PhysicalRange] {
      var joined: [(start: UInt64, end: UInt64)] = []
      for range in map.usable {
        let (start, end) = (range.start.value & ~0xfff, (range.endValue + 0xfff) & ~0xfff)
        if let last = joined.last, start <= last.end {
          joined[joined.count - 1].end = max(last.end, end)
        } else {
          joined.append((start, end))
        }
      }
      return joined.map {
        PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: $0.start), count: ByteCount($0.end - $0.start))
      }
    }

    /// Makes this the memory of a machine that has none yet.
    func give(to machine: inout perch_kvm_machine) throws(MachineError) {
      for (slot, bank) in banks.enumerated() {
        // SAFETY: the mapping is as long as the range, and stays until the machine is closed.
        let result = unsafe perch_kvm_translator_map(
          &machine.base, UInt32(slot), bank.range.start.value, UnsafeMutableRawPointer(bitPattern: bank.base),
          bank.range.count.value)
        guard result == 0 else {
          throw MachineError.system(call: "KVM_SET_USER_MEMORY_REGION", errno: machine.base.error)
        }
      }
    }

    /// Writes a plan's bytes, each once, and patches them: what a loader leaves in memory at the kernel's entry.
    /// What the plan finds in place is put there before, by ``store(_:at:)``.
    ///
    /// - Throws: ``PlanError`` when a piece lies where there is no memory, when a source is shorter than the plan says,
    ///   or when a relocation lies outside the image.
    public func materialise(
      _ plan: LoadPlan, image: RawSpan, modules: borrowing some ModuleSource & ~Copyable
    ) throws(PlanError) {
      for piece in plan.pieces
      where !piece.extent.isEmpty && !banks.contains(where: { $0.range.contains(piece.extent) }) {
        let (start, end) = (piece.extent.start.value, piece.extent.endValue)
        throw PlanError(
          .badRequest,
          "\(piece.owner) at [0x\(String(start, radix: 16)), 0x\(String(end, radix: 16))) lies where there is no memory"
        )
      }
      for bank in banks {
        // SAFETY: 1. the mapping is as long as the range and lives as long as self; 2. the span cannot leave the loop;
        // 3. nobody else in this process holds a span of it.
        let bytes = unsafe UnsafeMutableRawBufferPointer(
          start: UnsafeMutableRawPointer(bitPattern: bank.base), count: Int(bank.range.count.value))
        var span = unsafe bytes.mutableBytes
        try plan.materialise(bank.range, into: &span, image: image, modules: modules)
      }
    }

    /// Calls `body` with the bytes of a physical range, or returns nil where not all of it is memory.
    public func withBytes<Result>(of range: PhysicalRange, _ body: (RawSpan) -> Result) -> Result? {
      guard let bytes = unsafe buffer(range) else { return nil }
      // SAFETY: the span cannot leave the closure, through which self lives.
      return unsafe body(UnsafeRawBufferPointer(bytes).bytes)
    }

    /// Writes bytes to a physical address: what lies there before the kernel is loaded.
    ///
    /// - Returns: false, and nothing is written, where not all of them would lie in memory.
    @discardableResult
    public func store(_ bytes: RawSpan, at address: PhysicalAddress) -> Bool {
      let range = PhysicalRange(uncheckedStart: address, count: ByteCount(UInt64(bytes.byteCount)))
      guard let place = unsafe buffer(range) else { return range.isEmpty }
      // SAFETY: both have as many bytes; a span of this memory cannot be had while it is written.
      unsafe bytes.withUnsafeBytes { unsafe place.copyMemory(from: $0) }
      return true
    }

    /// The bytes of a range that is not empty and lies in one bank. To be used while self lives.
    private func buffer(_ range: PhysicalRange) -> UnsafeMutableRawBufferPointer? {
      guard !range.isEmpty, let bank = banks.first(where: { $0.range.contains(range) }) else { return nil }
      let place = bank.base + UInt(range.start.value - bank.range.start.value)
      return unsafe UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: place), count: Int(range.count.value))
    }
  }
}

extension KVMMachine.Memory: TableMemory {
  public func loadEntry(at address: PhysicalAddress) -> UInt64? {
    guard PhysicalAddress.greatest - address.value >= 8 else { return nil }
    let range = PhysicalRange(uncheckedStart: address, count: ByteCount(8))
    return withBytes(of: range) { $0.load(UInt64.self, at: 0) } ?? nil
  }
}
