import AddressSpace
import Addresses
import BareMachine
import PageTables

/// A prompt on the serial line: the word `prompt`.
struct Prompt {
  let machine: Machine

  /// Obeys until told to stop; returns then.
  func run() {
    SerialLine.say("")
    help()
    while true {
      SerialLine.show("perch> ")
      let words = Words(SerialLine.read().bytes)
      if words.isWord("off", at: 0) { return }
      obey(words)
    }
  }

  private func obey(_ words: Words) {
    if words.isWord("map", at: 0) {
      for run in machine.audit().runs { SerialLine.say(run.line) }
    } else if words.isWord("walk", at: 0), let address = words.number(at: 1) {
      let tables = machine.tables
      for line in WalkLines(tables.translate(VirtualAddress(address)), under: tables.format).lines {
        SerialLine.say(line)
      }
    } else if words.isWord("frames", at: 0) {
      SerialLine.say("\(machine.frames.frameCount) frames are free")
      for range in machine.frames.free { SerialLine.say("  \(Text.range(range)) \(Text.size(range.count.value))") }
    } else if words.isWord("memory", at: 0) {
      BootReport(information: machine.information, mode: machine.space.mode).sayMemory()
    } else if words.count > 0 {
      help()
    }
  }

  private func help() { SerialLine.say("map, walk ADDRESS, frames, memory, off, help") }
}
