// Measures what all loaders' models take for one image.
//
//   predict ROUNDS IMAGE
//
// Prints "all" with the median and least milliseconds of all models, one line for the slowest model, and how many loaded
// the image.
import Glibc
import Perch
import Timing

func run(_ arguments: [String]) throws {
  guard arguments.count == 3, let rounds = Int(arguments[1]), rounds > 0 else {
    throw Complaint("usage: predict ROUNDS IMAGE")
  }
  let image = try readFile(arguments[2])
  let usable = [(0x1000 as UInt64, 0x9f000 as UInt64), (0x10_0000, 0x3ff0_0000)]
  let request = LoaderRequest(
    machine: MemoryMap(
      normalising: usable.map {
        MemoryMap.Entry(
          range: PhysicalRange(uncheckedStart: PhysicalAddress($0.0), count: ByteCount($0.1)), kind: .usable)
      }))
  let clock = ContinuousClock()
  var all: [Duration] = []
  var each: [LoaderName: [Duration]] = [:]
  var loading = 0
  for _ in 0..<rounds {
    loading = 0
    all.append(
      clock.measure {
        for loader in LoaderName.allCases {
          let time = clock.measure {
            if case .loads = loader.model(image.span.bytes, request) { loading += 1 }
          }
          each[loader, default: []].append(time)
        }
      })
  }
  report("all", all)
  let slowest = each.max { $0.value.sorted()[rounds / 2] < $1.value.sorted()[rounds / 2] }
  if let slowest { report("slowest, \(slowest.key.rawValue)", slowest.value) }
  print("\(loading) of \(LoaderName.allCases.count) load it")
}

func readFile(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw Complaint("\(path) cannot be opened") }
  defer { fclose(file) }
  fseek(file, 0, SEEK_END)
  let count = ftell(file)
  rewind(file)
  let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    filled = fread(buffer.baseAddress, 1, count, file)
  }
  guard bytes.count == count else { throw Complaint("\(path) cannot be read") }
  return bytes
}

do {
  try run(CommandLine.arguments)
} catch {
  let text = "predict: \(error)\n"
  _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}
