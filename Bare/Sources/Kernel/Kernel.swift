import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import PageTables
import Processor

/// The kernel, from its first instruction in Swift to the verdict.
///
/// - Parameters:
///   - address: where the boot information is mapped.
///   - first: the time-stamp counter at the kernel's first instruction.
@_cdecl("kernel_main")
func kernelMain(address: UInt64, first: UInt64) -> Never {
  Console.start()
  LowHeap.start()
  Exceptions.install()
  let place = KernelPlace(informationAt: VirtualAddress(address))
  LowHeap.map(place)
  let information = BootInformation.read(at: VirtualAddress(address))
  let words = Words(Array(information.commandLine.utf8))
  let mode: PagingMode = LiveTables.hasFiveLevels ? .x86_64FiveLevel : .x86_64FourLevel
  BootReport(information: information, mode: mode).say()

  let largest: PageSize = words.contains("no-huge-pages") || !LiveTables.hasGigabytePages ? .size2MiB : .size1GiB
  let machine = Machine(taking: information, heap: LowHeap.intent(place), mode: mode, largestPage: largest)
  let audit = machine.audit()
  for run in audit.runs { SerialLine.say("map: \(run.line)") }
  SerialLine.say("")
  for line in MapDrawing(audit.runs, guardPage: machine.guardPage, mode: mode).lines { SerialLine.say(line) }
  SerialLine.say("")
  Crash.asAsked(by: words)

  var tests = SelfTests()
  ControlTests(machine: machine, audit: audit).run(&tests)
  FaultTests(machine: machine).run(&tests)
  MemoryTests(machine: machine).run(&tests)
  if words.contains("count") { SerialLine.say("instructions since the first: \(time_stamp() - first)") }
  let verdict = tests.verdict
  if words.contains("prompt") { Prompt(machine: machine).run() }
  Power.off(verdict)
}
