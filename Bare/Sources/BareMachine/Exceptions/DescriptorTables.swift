import Processor

/// The segments, the task state and the gates of a program that runs in 64-bit mode alone (Intel SDM vol. 3A, 3.4.5,
/// 6.14.1, 8.7 and 8.2.3). The room for them is in stubs.S.
enum DescriptorTables {
  private static var codeSelector: UInt16 { 0x08 }
  private static var dataSelector: UInt16 { 0x10 }
  private static var taskSelector: UInt16 { 0x20 }

  /// Loads all three tables.
  static func install() {
    store(UInt64(exception_stack_top_address()), at: exception_task_state_address() + 36)
    // No I/O permission bitmap: it would start behind the segment's limit.
    MappedMemory.store(104 << 16, at: exception_task_state_address() + 100)
    setDescriptors()
    use_descriptors(exception_descriptors_address(), 47)
    reload_segments(codeSelector, dataSelector)
    load_task_register(taskSelector)
    for vector in 0..<32 { setGate(UInt(vector)) }
    use_gates(exception_gates_address(), 32 * 16 - 1)
  }

  /// Null, 64-bit code, data, 32-bit code, and the task state's two. The first four are also what a loader needs to
  /// leave 64-bit mode.
  private static func setDescriptors() {
    let table = exception_descriptors_address()
    store(0x00af_9b00_0000_ffff, at: table + 0x08)
    store(0x00cf_9300_0000_ffff, at: table + 0x10)
    store(0x00cf_9b00_0000_ffff, at: table + 0x18)
    // Present, an available 64-bit task state; the base is scattered.
    let base = UInt64(exception_task_state_address())
    store(0x0000_8900_0000_0067 | (base & 0xff_ffff) << 16 | (base >> 24 & 0xff) << 56, at: table + 0x20)
    store(base >> 32, at: table + 0x28)
  }

  /// An interrupt gate; a double fault gets the stack of its own, IST 1.
  private static func setGate(_ vector: UInt) {
    let stub = UInt64(exception_stubs_address() + vector * 16)
    let stack: UInt64 = vector == ExceptionName.doubleFault ? 1 : 0
    let low = stub & 0xffff | UInt64(codeSelector) << 16 | stack << 32 | 0x8e << 40 | (stub >> 16 & 0xffff) << 48
    store(low, at: exception_gates_address() + vector * 16)
    store(stub >> 32, at: exception_gates_address() + vector * 16 + 8)
  }

  /// Takes a gate away, so that its exception cannot be delivered.
  static func removeGate(_ vector: UInt) { store(0, at: exception_gates_address() + vector * 16) }

  /// Writes a word in two halves: the task state's are 4 bytes off their alignment.
  private static func store(_ word: UInt64, at address: UInt) {
    MappedMemory.store(UInt32(truncatingIfNeeded: word), at: address)
    MappedMemory.store(UInt32(truncatingIfNeeded: word >> 32), at: address + 4)
  }
}
