// Measures planning, and placing and relocating a Linux kernel against a plain C loop.
//
//   place ROUNDS VMLINUX RELOCS
//
// Prints a line for each contestant: label, median and least milliseconds, separated by tabs; then what was done.
import Glibc
import Perch
import Timing

func run(_ arguments: [String]) throws {
  guard arguments.count == 4, let rounds = Int(arguments[1]), rounds > 0 else {
    throw Complaint("usage: place ROUNDS VMLINUX RELOCS")
  }
  let payload = try Payload(vmlinux: arguments[2], relocations: arguments[3])
  let machine = MemoryMap(normalising: [
    MemoryMap.Entry(
      range: PhysicalRange(uncheckedStart: PhysicalAddress(0x10_0000), count: .mebibytes(1023)), kind: .usable)
  ])
  var request = PlanRequest(machine: machine)
  request.seed = 42
  let contest = try Contest(payload, plan: try PerchLoader.plan(linux: payload.image, request: request))
  try contest.checkAgreement()

  let clock = ContinuousClock()
  var perch: [Duration] = []
  var baseline: [Duration] = []
  var planning: [Duration] = []
  for round in 0..<rounds {
    // Who comes first alternates too.
    if round.isMultiple(of: 2) { perch.append(try clock.measure { try contest.placePerch() }) }
    baseline.append(clock.measure { contest.placeBaseline() })
    if !round.isMultiple(of: 2) { perch.append(try clock.measure { try contest.placePerch() }) }
    planning.append(try clock.measure { _ = try PerchLoader.plan(linux: payload.image, request: request) })
  }
  report("place", perch)
  report("memcpy", baseline)
  report("plan", planning)
  let segments = contest.plan.pieces.filter { $0.extent.overlaps(contest.plan.imageExtent) }
  let bytes = segments.reduce(0) { $0 + $1.destination.count.value }
  print("\(bytes >> 20) MiB and \(contest.relocationCount) relocations")
}

do {
  try run(CommandLine.arguments)
} catch {
  let text = "place: \(error)\n"
  _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}
