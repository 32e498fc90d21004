import Addresses
import BareMachine
import BootProtocols
import KernelImage
import LoaderEntry
import Placement
import Processor
import Runtime

/// The loader, from its first 64-bit instruction (entry.S) to its last.
///
/// - Parameters:
///   - eax, ebx: what the boot loader left in these registers.
///   - first: the time stamp at the loader's first instruction.
@_cdecl("loader_main")
func loaderMain(eax: UInt32, ebx: UInt32, first: UInt64) -> Never {
  Console.start()
  heap_start(loader_heap_start(), loader_heap_end())
  Exceptions.install()
  do throws(Refusal) {
    var start = try Start(eax: eax, ebx: ebx)
    let plan = try start.plan()
    plan.forEachLine { Console.say($0) }
    try start.apply(plan)
    Console.say("perch loader: \(time_stamp() &- first) ticks since its first instruction; entering the kernel")
    plan.enter()
  } catch {
    Console.say(error.sentence)
    Power.off(.refused)
  }
}

/// Why nothing is loaded, in the words of the command line tool.
struct Refusal: Error {
  let sentence: String

  init(_ sentence: String) { self.sentence = "error: \(sentence)" }

  init(_ error: ParseError, in subject: String) {
    self.init(([error.sentence] + error.evidence).joined("; ") + " (\(subject), offset \(error.offset.value))")
  }

  init(_ error: PlanError) { self.init(error.help.map { "\(error.sentence); \($0)" } ?? error.sentence) }
}

extension [String] {
  fileprivate func joined(_ separator: String) -> String {
    var text = ""
    for (index, part) in enumerated() { text += index == 0 ? part : separator + part }
    return text
  }
}
