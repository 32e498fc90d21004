// Measures page tables: building them, visiting those of a machine that was stopped, translating addresses.
//
//   tables build ROUNDS GIBIBYTES               the tables of a direct map, against memset
//   tables visit ROUNDS RAM CR0 CR3 CR4 EFER    all that a machine maps, its memory being the file RAM from address 0 up
//   tables once RAM CR0 CR3 CR4 EFER            the same once, with nothing printed but what was found
//   tables translate ROUNDS GIBIBYTES           random addresses of a direct map
//
// Prints a line for each contestant: label, median and least, separated by tabs; then what was done.
import Glibc
import Perch
import Timing

func run(_ arguments: [String]) throws {
  switch (arguments.first, arguments.count) {
  case ("build", 3):
    let map = try DirectMap(gibibytes: arguments[2])
    try measureBuilding(map, rounds: try number(arguments[1]))
  case ("visit", 7):
    try measureVisit(try StoppedMachine(Array(arguments[2...])), rounds: try number(arguments[1]))
  case ("once", 6):
    let machine = try StoppedMachine(Array(arguments[1...]))
    print(visit(machine.format, machine))
  case ("translate", 3):
    let map = try DirectMap(gibibytes: arguments[2])
    try measureTranslation(map, rounds: try number(arguments[1]))
  default: throw Complaint("usage: see the head of its source")
  }
}

func number(_ text: String) throws -> Int {
  guard let value = Int(text), value > 0 else { throw Complaint("\(text): not a number above 0") }
  return value
}

do {
  try run(Array(CommandLine.arguments.dropFirst()))
} catch {
  let text = "tables: \(error)\n"
  _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}
