public import Addresses

/// A machine that QEMU is to make, and what it is to start.
public struct QEMUConfiguration {
  /// What `-kernel` is given.
  public enum Kernel {
    /// Nothing: the firmware starts what the extra arguments bring, a disk or a CD.
    case none
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
  /// Whether the guest's memory can be read and, before it starts, written. Needs a machine of this ``layout``.
  public var hasReadableMemory = false
  public let layout: GuestMemory.Layout
  /// QEMU's name of the machine, options behind it: `virt,virtualization=on`.
  public var machineType: String
  /// QEMU's name of the processor, features behind it: `max,la57=off`.
  public var processor: String
  /// What `-bios` is given; nil leaves the choice to QEMU.
  public var firmware: String?
  /// Handed to QEMU verbatim, after everything else.
  public var extraArguments: [String] = []
  public var program: String

  /// A machine with QEMU's usual choices for its layout.
  public init(
    kernel: Kernel, memory: ByteCount, accelerator: Accelerator, timeLimit: Duration, layout: GuestMemory.Layout = .pc
  ) {
    self.kernel = kernel
    self.memory = memory
    self.accelerator = accelerator
    self.timeLimit = timeLimit
    self.layout = layout
    // `max` has everything that the accelerator can do, NX among it. QEMU 7.2 has no such processor for RISC-V.
    switch layout {
    case .pc: (program, machineType, processor) = ("qemu-system-x86_64", "pc", "max")
    case .virtAArch64: (program, machineType, processor) = ("qemu-system-aarch64", "virt", "max")
    case .virtRISCV: (program, machineType, processor) = ("qemu-system-riscv64", "virt", "rv64")
    }
  }
}

/// The descriptors that the emulator inherits, in order.
enum QEMUDescriptor: Int, CaseIterable {
  case input, output, diagnostics, serial, monitor, debugger, memory, kernel
}

extension QEMUConfiguration {
  /// The time limit as clocks can add it.
  var boundedTimeLimit: Duration { min(max(timeLimit, .zero), .seconds(3_155_760_000)) }

  /// Debian's package of the emulator.
  var package: String {
    switch program.split(separator: "-").last {
    case "i386", "x86_64": "qemu-system-x86"
    case "aarch64", "arm": "qemu-system-arm"
    default: "qemu-system-misc"
    }
  }

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
    if let firmware { words += ["-bios", firmware] }
    switch kernel {
    case .none: break
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
