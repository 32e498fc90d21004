import AddressSpace
public import Addresses
public import BootProtocols

/// The kernel among the modules that a boot loader found on its machine.
public struct ModuleKernel: Sendable {
  /// Its file in memory.
  public var file: PhysicalRange
  /// What is asked of Perch's loader for it.
  public var request: PlanRequest
}

extension ModuleKernel {
  /// What a boot loader that runs on the machine asks for: module 1 is the kernel, the others stay where they lie.
  ///
  /// The same on the bare machine and on a desk: everything that differs between two runs is an argument.
  ///
  /// - Parameters:
  ///   - words: the loader's command line.
  ///   - loader: the memory that the loader itself takes.
  ///   - seed: what the places are drawn from; nil draws nothing.
  ///   - processor: what the processor has of what the words ask for.
  /// - Throws: ``PlanError`` where there is no module.
  public init(
    in environment: borrowing BootEnvironment, _ words: borrowing LoaderCommandLine, loader: PhysicalRange,
    seed: UInt64?,
    processor: ProcessorFeatures
  ) throws(PlanError) {
    var files = Files()
    for module in environment.modules { files.add(module.string, module.physical) }
    for module in words.modules { files.add(module.string, module.physical) }
    guard let kernel = files.kernel else {
      throw PlanError(.wrongImage, "the boot loader handed over no module: module 1 is the kernel")
    }
    var occupied = [PlanRequest.Occupied(name: "loader", range: loader)]
    for range in environment.usableInformation {
      occupied.add(PlanRequest.Occupied(name: "boot information", range: range))
    }
    file = kernel.range
    request = PlanRequest(
      machine: environment.memoryMap, occupied: occupied,
      commandLine: words.kernelCommandLine.isEmpty ? kernel.name : words.kernelCommandLine, modules: files.others,
      imagePlace: kernel.range.start, physical: words.physical.map { PlanRequest.PhysicalPlace($0) },
      slide: words.slide, seed: seed, directMapBase: words.directMapBase ?? PlanRequest.usualDirectMapBase,
      directMapPage: words.allowsHugePages ? .size1GiB : .size2MiB, processor: processor)
  }
}

/// What the boot loader and the command line hand over, in order.
private struct Files {
  /// Module 1.
  var kernel: PlanRequest.Occupied?
  var others: [PlanRequest.Module] = []

  mutating func add(_ name: String, _ range: PhysicalRange) {
    guard kernel != nil else {
      kernel = PlanRequest.Occupied(name: name, range: range)
      return
    }
    others.add(
      PlanRequest.Module(
        name: name.isEmpty ? text("module \(others.count + 2)") : name, size: range.count, place: range.start))
  }
}

extension PlanRequest.PhysicalPlace {
  fileprivate init(_ word: LoaderCommandLine.Physical) {
    self =
      switch word {
      case .any: .any
      case .linked: .asLinked
      case .inPlace: .inPlace
      case .at(let address): .at(address)
      }
  }
}

extension BootEnvironment {
  /// Where boot information lies in usable memory, without overlaps: elsewhere nobody writes.
  fileprivate var usableInformation: [PhysicalRange] {
    var ranges: [PhysicalRange] = []
    for information in informationRanges {
      for usable in memoryMap.usable {
        let start = max(information.start, usable.start)
        let end = min(information.endValue, usable.endValue)
        guard start.value < end else { continue }
        ranges.add(PhysicalRange(uncheckedStart: start, count: ByteCount(end - start.value)))
      }
    }
    ranges = ranges.ordered { $0.start.value }
    var joined: [PhysicalRange] = []
    for range in ranges {
      guard let last = joined.last, range.start.value <= last.endValue else {
        joined.add(range)
        continue
      }
      let end = max(last.endValue, range.endValue)
      joined[joined.count - 1] = PhysicalRange(
        uncheckedStart: last.start, count: ByteCount(end - last.start.value))
    }
    return joined
  }
}
