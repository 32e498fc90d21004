import Addresses
import BootProtocols
import Foundation
import Machines
import Placement
import Reporting
import Testing

/// A machine that was started with the bare loader, and everything that it has said.
final class BareGuest {
  let machine: QEMUMachine
  private let output: Output

  /// Grows while the machine talks, on the test's own thread.
  private final class Output {
    var bytes: [UInt8] = []
  }

  /// - Parameter kernel: what `-kernel` is given.
  init(
    _ kernel: QEMUConfiguration.Kernel, memory: ByteCount, _ arguments: [String], until pattern: String = "^done$"
  ) throws {
    var configuration = QEMUConfiguration(kernel: kernel, memory: memory, accelerator: .tcg, timeLimit: .seconds(40))
    configuration.hasDebugger = true
    configuration.hasReadableMemory = true
    configuration.extraArguments = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"] + arguments
    let output = Output()
    self.output = output
    machine = try QEMUMachine(configuration, console: ConsoleWatcher(until: try Regex(pattern))) {
      output.bytes += $0
    }
  }

  var text: String { String(decoding: output.bytes, as: UTF8.self).replacingOccurrences(of: "\r", with: "") }
  var lines: [String] { text.components(separatedBy: "\n") }

  /// The loader's own remarks, without what they begin with.
  var remarks: [String] {
    lines.compactMap { line in
      line.range(of: "perch loader: ").map { String(line[$0.upperBound...]) }
    }
  }

  /// What the loader printed of its plan: from its first remark to its last, without remarks.
  var planLines: [String] {
    guard let first = lines.firstIndex(where: { $0.contains("perch loader: ") }),
      let last = lines.firstIndex(where: { $0.hasSuffix("; entering the kernel") })
    else { return [] }
    return lines[first..<last].filter { !$0.contains("perch loader: ") }
  }

  /// Lets the machine run to an address, whoever passes there, until `isRight` says so.
  func run(to address: VirtualAddress, where isRight: () throws -> Bool = { true }) throws {
    repeat {
      let outcome = try machine.run(to: address)
      try #require(outcome == .stoppedAtEntry, "\(outcome) before \(address)\n\(text.suffix(1500))")
    } while try !isRight()
  }

  /// Holds the machine, which stands at the kernel's entry, against a plan, and then its console.
  func check(
    _ plan: LoadPlan, image: [UInt8], modules: FileModules = FileModules(files: []),
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try ExpectedMemory(plan, image: image.span.bytes, modules: modules)
    let report = try machine.verify(plan, memory: expected)
    #expect(report.differences == [], sourceLocation: sourceLocation)
    #expect(report.bytesCompared > 0x1_0000 && report.pagesCompared > 0, sourceLocation: sourceLocation)
    // The stop falls between two bytes of the serial port; the kernel's first line ends the loader's last.
    let outcome = try machine.run()
    #expect(isGood(outcome), "\(outcome)\n\(text.suffix(2500))", sourceLocation: sourceLocation)
    #expect(planLines == plan.lines, sourceLocation: sourceLocation)
    // Its own final tables map what the loader's did, but for the page that it was entered through, and its heap.
    let wanted = try #require(MapReport(plan)).lines.filter { !$0.hasSuffix(" entry stub") }
    #expect(mapLines.filter { !$0.hasSuffix(" heap") } == wanted, sourceLocation: sourceLocation)
    #expect(mapLines.count == wanted.count + 1, sourceLocation: sourceLocation)
  }

  /// What the kernel found by walking CR3.
  var mapLines: [String] { lines.filter { $0.hasPrefix("map: ") }.map { String($0.dropFirst(5)) } }

  /// Perch's kernel says 0x10 at isa-debug-exit, which QEMU makes 33; Tests/TinyKernels end with a line.
  private func isGood(_ outcome: Outcome) -> Bool {
    switch outcome {
    case .matched: true
    case .guestExited(let status, _): status == 33
    default: false
    }
  }
}

/// Modules that are arrays.
struct FileModules: ModuleSource {
  var files: [[UInt8]]

  func copyModule(_ index: Int, to place: inout MutableRawSpan) -> Int {
    for (offset, byte) in files[index].enumerated() where offset < place.byteCount {
      place.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
    return files[index].count
  }
}

extension LoadPlan {
  var lines: [String] {
    var lines: [String] = []
    forEachLine { lines.append($0) }
    return lines
  }
}
