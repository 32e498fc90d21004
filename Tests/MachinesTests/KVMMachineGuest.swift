import Perch

@testable import Machines

/// Guests of a few bytes under /dev/kvm, in the address space of ``VerifiedGuest``: text at K (0xffffffff80200000),
/// data at K + 0x1000, a stack that ends at K + 0x2000, and 64 MiB of memory in a direct map.
struct KVMMachineGuest {
  var plan: LoadPlan
  var timeLimit = Duration.seconds(10)
  var console = ConsoleWatcher()
  var isCounted = false

  /// KVM takes the registers of long mode: /dev/kvm is there, and so is what it stands for.
  static let isAvailable = (try? KVMTestTables.fourLevels()) != nil
  static let reason = "/dev/kvm cannot be opened or makes no processor in long mode"

  static let kernel = VerifiedGuest.kernel
  static let data = VerifiedGuest.kernel + 0x1000

  /// - Parameters:
  ///   - text: assembled by hand from Intel SDM vol. 2.
  ///   - data: eight bytes.
  init(_ text: [UInt8], data: [UInt8]? = nil) throws {
    plan = try VerifiedGuest().plan
    set("text", to: text)
    if let data { set("data", to: data) }
  }

  private mutating func set(_ name: String, to bytes: [UInt8]) {
    guard let index = plan.blobs.firstIndex(where: { $0.name == name }) else { return }
    plan.blobs[index].bytes = bytes
    let start = plan.pieces[index].destination.start
    plan.pieces[index].destination = PhysicalRange(uncheckedStart: start, count: ByteCount(UInt64(bytes.count)))
  }

  /// What came of a run.
  struct Result {
    var outcome: Outcome
    var printed: String
    var machine: KVMMachine
  }

  func machine(sink: @escaping ([UInt8]) -> Void = { _ in }) throws -> KVMMachine {
    let memory = try KVMMachine.Memory(plan.machine)
    try memory.materialise(plan, image: RawSpan(), modules: NoModules())
    let machine = try KVMMachine(plan, memory: memory, timeLimit: timeLimit, console: console, sink: sink)
    if isCounted { try machine.countInstructions() }
    return machine
  }

  func run() throws -> Result {
    var bytes: [UInt8] = []
    let machine = try machine { bytes += $0 }
    let outcome = try machine.run()
    return Result(outcome: outcome, printed: String(decoding: bytes, as: UTF8.self), machine: machine)
  }

  /// `mov dx, port` (66 ba), `mov al, value` (b0), `out dx, al` (ee).
  static func out(_ port: UInt16, _ value: UInt8) -> [UInt8] {
    [0x66, 0xba, UInt8(port & 0xff), UInt8(port >> 8), 0xb0, value, 0xee]
  }

  /// `mov r64, imm64`: 48 b8+r; rax is 0, rsi 6, rdi 7.
  static func move(_ value: UInt64, to register: UInt8) -> [UInt8] {
    [0x48, 0xb8 + register] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
