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
    report("\(time_stamp() &- first) ticks since its first instruction; entering the kernel")
    plan.enter()
  } catch {
    Console.say(error.sentence.text)
    Power.off(.refused)
  }
}

/// Why nothing is loaded, in the words of the command line tool.
struct Refusal: Error {
  let sentence: Sentence

  @inline(never) init(_ sentence: Sentence) { self.sentence = "error: \(sentence)" }

  @inline(never) init(_ error: ParseError, in subject: Sentence) {
    self.init("\(error.account) (\(subject), offset \(error.offset.value))")
  }

  @inline(never) init(_ error: PlanError) {
    var sentence: Sentence = "\(error.sentence)"
    if let help = error.help { sentence += "; \(help)" }
    self.init(sentence)
  }
}

/// Says what the loader found or did, beside the plan.
@inline(never) func report(_ sentence: Sentence) { Console.say(text("perch loader: \(sentence)")) }
