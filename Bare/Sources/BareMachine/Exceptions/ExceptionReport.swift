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
    SerialLine.say(title)
    for line in registers { SerialLine.say(line) }
    if frame.vector == UInt64(ExceptionName.pageFault) || frame.vector == UInt64(ExceptionName.doubleFault) {
      explainAddress()
    }
    Power.off(.crashed)
  }

  private var title: Line {
    let meaning = ExceptionName.meaning(ofErrorCode: frame.error_code, vector: frame.vector)
    return "exception: \(constant: ExceptionName.text(frame.vector)), vector \(frame.vector), error code "
      + Text.hexadecimal(frame.error_code) + (meaning.isEmpty ? "" : " (\(meaning))")
  }

  private var registers: [Line] {
    [
      row([("rip", frame.rip), ("rsp", frame.rsp), ("rfl", frame.rflags)])
        + "  cs \(Text.hexadecimal(frame.cs))  ss \(Text.hexadecimal(frame.ss))",
      row([("rax", frame.rax), ("rbx", frame.rbx), ("rcx", frame.rcx), ("rdx", frame.rdx)]),
      row([("rsi", frame.rsi), ("rdi", frame.rdi), ("rbp", frame.rbp), ("r8", frame.r8)]),
      row([("r9", frame.r9), ("r10", frame.r10), ("r11", frame.r11), ("r12", frame.r12)]),
      row([("r13", frame.r13), ("r14", frame.r14), ("r15", frame.r15)]),
      row([("cr0", read_cr0()), ("cr2", read_cr2()), ("cr3", read_cr3()), ("cr4", read_cr4())]),
    ]
  }

  private func row(_ values: [(name: StaticString, value: UInt64)]) -> Line {
    var text: Line = ""
    for (name, value) in values {
      text += "  " + Text.padded(Line(constant: name), 4) + Text.hexadecimal(value, width: 16)
    }
    return text
  }

  private func explainAddress() {
    let address = VirtualAddress(read_cr2())
    for landmark in unsafe Exceptions.landmarks where landmark.range.contains(address) {
      SerialLine.say("  \(Text.hexadecimal(address.value)) lies in the \(landmark.name)")
    }
    guard let memory = unsafe Exceptions.memory else { return }
    let tables = LiveTables.tables(in: memory)
    SerialLine.say("walk from CR3 \(Text.hexadecimal(read_cr3())):")
    for line in WalkLines(tables.translate(address), under: tables.format).lines { SerialLine.say("  " + line) }
  }
}
