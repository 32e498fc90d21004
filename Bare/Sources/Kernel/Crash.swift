import BareMachine
import KernelEntry
import Processor

/// Crashes on purpose, to show the report: the words `fault=…`.
enum Crash {
  /// Raises what a word of the command line asks for, if one does.
  static func asAsked(by words: Words) {
    // A page whose number no layout has.
    let nowhere: UInt = 0x5_0bad_1234
    if words.contains("fault=page") { probe_read(nowhere) }
    if words.contains("fault=ud") { raise_invalid_opcode() }
    // Not canonical: bits 63:47 are not all alike.
    if words.contains("fault=gp") { probe_read(0x8000_0000_0000_0000) }
    if words.contains("fault=stack") { use_up_stack() }
    if words.contains("fault=double") {
      Exceptions.remove(ExceptionName.pageFault)
      probe_read(nowhere)
    }
  }
}
