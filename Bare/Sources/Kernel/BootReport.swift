import AddressSpace
import Addresses
import BareMachine
import BootProtocols

/// What the boot information says, in the words of `perch plan`.
struct BootReport {
  let information: BootInformation
  let mode: PagingMode

  func say() {
    let virtual = VirtualRange(uncheckedStart: information.kernelVirtualBase, count: information.kernelSize)
    SerialLine.say(
      "perch kernel: image at physical \(Text.range(information.image)), runs at \(Text.range(virtual)), slide "
        + Text.signed(information.slide.value))
    SerialLine.say("mode: x86-64, \(mode == .x86_64FiveLevel ? "five" : "four") levels")
    SerialLine.say(
      "command line: \(information.commandLine.utf8.isEmpty ? "none" : Line(text: information.commandLine))")
    SerialLine.say("seed: \(information.seed == 0 ? "none" : Text.hexadecimal(information.seed))")
    sayMemory()
    for (index, module) in information.modules.enumerated() {
      SerialLine.say("module \(index): \(Text.range(module.physical)) \(text: module.name)")
    }
    for mapping in information.mappings { SerialLine.say("mapped at entry: \(Self.line(mapping))") }
  }

  func sayMemory() {
    for entry in information.memoryMap {
      SerialLine.say("memory: \(Text.range(entry.range)) \(Self.name(of: entry.kind))")
    }
  }

  private static func line(_ mapping: BootInformation.Mapping) -> Line {
    "\(Text.range(mapping.virtual)) -> \(Text.hexadecimal(mapping.physical.value)) \(mapping.access.letters) "
      + Line(text: mapping.name)
  }

  /// ACPI 6.5, table 15.4.
  private static func name(of kind: MemoryKind) -> Line {
    switch kind.rawValue {
    case 1: "usable"
    case 2: "reserved"
    case 3: "ACPI reclaimable"
    case 4: "ACPI non-volatile"
    case 5: "unusable"
    case 7: "persistent"
    default: "unknown"
    }
  }
}

extension BootInformation.AccessBits {
  /// "rw-".
  var letters: Line {
    (contains(.read) ? "r" : "-") + (contains(.write) ? "w" : "-") + (contains(.execute) ? "x" : "-")
  }
}

/// Ends the run because the kernel cannot go on.
func stop(_ sentence: Line) -> Never {
  SerialLine.say("perch kernel: error: \(sentence)")
  SerialLine.say("verdict: FAILED: the kernel could not start")
  Power.off(.failed)
}
