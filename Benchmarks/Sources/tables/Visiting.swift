import Glibc
import Perch
import Timing

/// A machine that was stopped: its memory, a file that begins at physical address 0, and its control registers.
struct StoppedMachine {
  let memory: RegionTableMemory
  let root: PhysicalAddress
  let format: X86_64Format

  /// - Parameter arguments: the file, CR0, CR3, CR4 and EFER.
  init(_ arguments: [String]) throws {
    memory = try mapFile(arguments[0])
    let registers = try arguments[1...].map { text in
      guard let value = UInt64(text, radix: 16) else { throw Complaint("\(text): not a hexadecimal number") }
      return value
    }
    root = PhysicalAddress(unchecked: registers[1] & 0x000f_ffff_ffff_f000)
    // CR4.LA57 is bit 12 (Intel SDM vol. 3A, 2.5).
    let controls = X86Controls(cr0: registers[0], cr4: registers[2], efer: registers[3])
    format = X86_64Format(fiveLevels: registers[2] & 1 << 12 != 0, controls: controls)
  }
}

/// Counts, and lets nothing be optimised away.
struct RunCount: RunConsumer {
  var runs = 0
  var bytes: UInt64 = 0
  var problems = 0

  mutating func consume(_ run: TranslationRun) {
    runs += 1
    bytes &+= run.virtual.count.value
  }

  mutating func consume(_ problem: WalkFault) { problems += 1 }
}

func visit(_ format: some TableFormat, _ machine: StoppedMachine) -> String {
  var count = RunCount()
  let tables = TranslationTables(format: format, memory: machine.memory, root: machine.root)
  let summary = tables.visit(&count)
  return "\(count.runs) runs in \(summary.visitedTables) tables, \(count.problems) problems"
}

func measureVisit(_ machine: StoppedMachine, rounds: Int) throws {
  let clock = ContinuousClock()
  var known: [Duration] = []
  var chosen: [Duration] = []
  let found = visit(machine.format, machine)
  for round in 0..<rounds {
    // Who comes first alternates.
    if round.isMultiple(of: 2) { known.append(clock.measure { _ = visit(machine.format, machine) }) }
    chosen.append(clock.measure { _ = visit(PagingFormat.x86_64(machine.format), machine) })
    if !round.isMultiple(of: 2) { known.append(clock.measure { _ = visit(machine.format, machine) }) }
  }
  report("X86_64Format", known, in: .microseconds(1))
  report("PagingFormat", chosen, in: .microseconds(1))
  print("visited\t\(found)")
}

/// The file stays mapped for as long as the process runs.
private func mapFile(_ path: String) throws -> RegionTableMemory {
  let descriptor = open(path, O_RDONLY)
  guard descriptor >= 0 else { throw Complaint("\(path) cannot be opened") }
  let size = Int(lseek(descriptor, 0, SEEK_END))
  let mapping = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
  guard let mapping, mapping != MAP_FAILED,
    let memory = RegionTableMemory(
      base: PhysicalAddress(unchecked: 0), bytes: UnsafeMutableRawBufferPointer(start: mapping, count: size))
  else { throw Complaint("\(path) cannot be mapped") }
  return memory
}
