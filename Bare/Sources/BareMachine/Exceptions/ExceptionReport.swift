import Addresses
import PageTables
import Processor

/// What is said of an exception that nobody expects.
struct ExceptionReport {
  private let frame: exception_frame
  private nonisolated(unsafe) static var isUnderWay = false

  init(_ frame: exception_frame) { self.frame = frame }

  /// Prints the report and ends the run. An exception within a report only says so.
  func end() -> Never {
    guard unsafe !Self.isUnderWay else {
      SerialLine.say("and another exception while this one was reported")
      Power.off(.crashed)
    }
    unsafe Self.isUnderWay = true
    SerialLine.say("")
    sayTitle()
    sayRegisters()
    if frame.vector == UInt64(ExceptionName.pageFault) || frame.vector == UInt64(ExceptionName.doubleFault) {
      explainAddress()
    }
    Power.off(.crashed)
  }

  private func sayTitle() {
    SerialLine.show(constant: "exception: ")
    SerialLine.show(constant: ExceptionName.text(frame.vector))
    SerialLine.show(constant: ", vector ")
    SerialLine.show(Text.decimal(frame.vector))
    SerialLine.show(constant: ", error code ")
    SerialLine.show(Text.hexadecimal(frame.error_code))
    ExceptionName.showMeaning(ofErrorCode: frame.error_code, vector: frame.vector)
    SerialLine.end()
  }

  private func sayRegisters() {
    show("rip ", frame.rip)
    show("rsp ", frame.rsp)
    show("rfl ", frame.rflags)
    SerialLine.show(constant: "  cs ")
    SerialLine.show(Text.hexadecimal(frame.cs))
    SerialLine.show(constant: "  ss ")
    SerialLine.show(Text.hexadecimal(frame.ss))
    SerialLine.end()
    show("rax ", frame.rax)
    show("rbx ", frame.rbx)
    show("rcx ", frame.rcx)
    show("rdx ", frame.rdx, isLast: true)
    show("rsi ", frame.rsi)
    show("rdi ", frame.rdi)
    show("rbp ", frame.rbp)
    show("r8  ", frame.r8, isLast: true)
    show("r9  ", frame.r9)
    show("r10 ", frame.r10)
    show("r11 ", frame.r11)
    show("r12 ", frame.r12, isLast: true)
    show("r13 ", frame.r13)
    show("r14 ", frame.r14)
    show("r15 ", frame.r15, isLast: true)
    show("cr0 ", read_cr0())
    show("cr2 ", read_cr2())
    show("cr3 ", read_cr3())
    show("cr4 ", read_cr4(), isLast: true)
  }

  /// A register's name, four bytes, and its value, of a row.
  @inline(never) private func show(_ name: StaticString, _ value: UInt64, isLast: Bool = false) {
    SerialLine.show(constant: "  ")
    SerialLine.show(constant: name)
    SerialLine.show(Text.hexadecimal(value, width: 16))
    if isLast { SerialLine.end() }
  }

  private func explainAddress() {
    let address = VirtualAddress(read_cr2())
    for landmark in unsafe Exceptions.landmarks where landmark.range.contains(address) {
      SerialLine.say("  " + Text.hexadecimal(address.value) + " lies in the " + landmark.name)
    }
    guard let memory = unsafe Exceptions.memory else { return }
    let tables = LiveTables.tables(in: memory)
    SerialLine.say("walk from CR3 " + Text.hexadecimal(read_cr3()) + ":")
    for line in WalkLines(tables.translate(address), under: tables.format).lines { SerialLine.say("  " + line) }
  }
}
