/// Just enough of an x86 assembler for the entry stub: one method for each instruction it uses, named as the
/// instruction is, with its encoding from the Intel SDM, vol. 2.
struct Assembler {
  private(set) var bytes: [UInt8] = []
  /// The address of the first byte.
  let origin: UInt32

  init(origin: UInt32) { self.origin = origin }

  /// The address of the next instruction. The stub lies below 4 GiB as a whole.
  var position: UInt32 { origin + UInt32(bytes.count) }

  /// A control register by number.
  enum ControlRegister: UInt8 { case cr0 = 0, cr3 = 3, cr4 = 4 }

  /// A segment register by number.
  enum SegmentRegister: UInt8 { case es = 0, ss = 2, ds = 3, fs = 4, gs = 5 }

  // MARK: 32-bit protected mode

  /// LGDT m16&32 at an absolute address: 0F 01 /2, ModRM 00 010 101.
  mutating func lgdt(absolute address: UInt32) {
    emit(0x0f, 0x01, 0x15)
    bytes.append(littleEndian: address)
  }

  /// MOV EAX, imm32: B8 id. In 64-bit mode it clears the upper half of RAX.
  mutating func moveToEAX(_ value: UInt32) { move(value, opcode: 0xb8) }
  /// MOV ECX, imm32: B9 id.
  mutating func moveToECX(_ value: UInt32) { move(value, opcode: 0xb9) }
  /// MOV EDX, imm32: BA id.
  mutating func moveToEDX(_ value: UInt32) { move(value, opcode: 0xba) }

  /// MOV CRn, EAX: 0F 22 /n.
  mutating func moveEAX(to register: ControlRegister) { emit(0x0f, 0x22, 0xc0 | register.rawValue << 3) }

  /// WRMSR: 0F 30; writes EDX:EAX to the register that ECX names.
  mutating func wrmsr() { emit(0x0f, 0x30) }

  /// JMP ptr16:32: EA cp.
  mutating func farJump(to address: UInt32, selector: UInt16) {
    emit(0xea)
    bytes.append(littleEndian: address)
    bytes.append(littleEndian: selector)
  }

  // MARK: 64-bit mode

  /// MOV Sreg, EAX: 8E /r.
  mutating func moveEAX(to register: SegmentRegister) { emit(0x8e, 0xc0 | register.rawValue << 3) }

  /// LLDT AX: 0F 00 /2.
  mutating func lldtAX() { emit(0x0f, 0x00, 0xd0) }

  /// LIDT m16&64, relative to RIP: 0F 01 /3, ModRM 00 011 101.
  mutating func lidt(at address: UInt32) {
    emit(0x0f, 0x01, 0x1d)
    appendDisplacement(to: address)
  }

  /// MOV r64, imm64: REX.W B8+r io.
  mutating func move(_ value: UInt64, toRegister number: UInt8) {
    emit(0x48 | number >> 3, 0xb8 | number & 7)
    bytes.append(littleEndian: value)
  }

  /// POPFQ: 9D.
  mutating func popfq() { emit(0x9d) }

  /// JMP m64, relative to RIP: FF /4, ModRM 00 100 101.
  mutating func jump(throughLiteralAt address: UInt32) {
    emit(0xff, 0x25)
    appendDisplacement(to: address)
  }

  private mutating func emit(_ opcode: UInt8) { bytes.append(littleEndian: opcode) }
  private mutating func emit(_ first: UInt8, _ second: UInt8) {
    bytes.append(littleEndian: UInt16(second) << 8 | UInt16(first))
  }
  private mutating func emit(_ first: UInt8, _ second: UInt8, _ third: UInt8) {
    emit(first)
    emit(second, third)
  }

  @inline(never) private mutating func move(_ value: UInt32, opcode: UInt8) {
    emit(opcode)
    bytes.append(littleEndian: value)
  }

  /// The distance from the end of the instruction, which is the end of the displacement here.
  private mutating func appendDisplacement(to address: UInt32) {
    bytes.append(littleEndian: address &- (position + 4))
  }
}
