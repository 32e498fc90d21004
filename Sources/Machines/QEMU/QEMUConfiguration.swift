public import Addresses

/// A machine that QEMU is to make, and what it is to start.
public struct QEMUConfiguration {
  /// What `-kernel` is given.
  public enum Kernel {
    case path(String)
    case file(AnonymousFile)
  }

  public var kernel: Kernel
  /// The size of the guest's memory, a number of MiB.
  public var memory: ByteCount
  public var accelerator: Accelerator
  /// Counted from the start of the emulator; more than a century is a century.
  public var timeLimit: Duration
  /// Whether the guest can be stopped at an address.
  public var hasDebugger = false
  /// Whether the guest's memory can be read. Needs the `pc` machine.
  public var hasReadableMemory = false
  /// QEMU's name of the machine; memory maps and readable memory are those of `pc`.
  public var machineType = "pc"
  /// `max` has everything that the accelerator can do, NX among it.
  public var processor = "max"
  /// Handed to QEMU verbatim, after everything else.
  public var extraArguments: [String] = []
  public var program = "qemu-system-x86_64"

  public init(kernel: Kernel, memory: ByteCount, accelerator: Accelerator, timeLimit: Duration) {
    self.kernel = kernel
    self.memory = memory
    self.accelerator = accelerator
    self.timeLimit = timeLimit
  }
}

/// The descriptors that the emulator inherits, in order.
enum QEMUDescriptor: Int, CaseIterable {
  case input, output, diagnostics, serial, monitor, debugger, memory, kernel
}

extension QEMUConfiguration {
  /// The time limit as clocks can add it.
  var boundedTimeLimit: Duration { min(max(timeLimit, .zero), .seconds(3_155_760_000)) }

  /// QEMU's command line. All channels are inherited descriptors: there is no name in a file system that another
  /// process could take, wait for, or leave behind. The machine starts stopped.
  var arguments: [String] {
    let size = "\(memory.value)B"
    var words = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S"]
    words += ["-accel", accelerator.rawValue, "-cpu", processor, "-m", size]
    words += ["-machine", hasReadableMemory ? "\(machineType),memory-backend=ram" : machineType]
    if hasReadableMemory {
      words += ["-object", "memory-backend-file,id=ram,size=\(size),mem-path=\(path(of: .memory)),share=on"]
    }
    words += chardev("serial", .serial) + ["-serial", "chardev:serial"]
    words += chardev("monitor", .monitor) + ["-mon", "chardev=monitor,mode=control"]
    if hasDebugger { words += chardev("debugger", .debugger) + ["-gdb", "chardev:debugger"] }
    switch kernel {
    case .path(let path): words += ["-kernel", path]
    case .file: words += ["-kernel", path(of: .kernel)]
    }
    return words + extraArguments
  }

  private func chardev(_ name: String, _ descriptor: QEMUDescriptor) -> [String] {
    ["-chardev", "socket,id=\(name),fd=\(descriptor.rawValue)"]
  }

  private func path(of descriptor: QEMUDescriptor) -> String { "/proc/self/fd/\(descriptor.rawValue)" }
}
