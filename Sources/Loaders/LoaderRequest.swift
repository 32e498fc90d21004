public import AddressSpace
public import Addresses
public import KernelImage

/// The machine, and what is handed over with the image.
public struct LoaderRequest: Sendable {
  public struct Module: Hashable, Sendable {
    public var name: String
    public var size: ByteCount
    /// What follows the name.
    public var arguments: String

    public init(name: String, size: ByteCount, arguments: String = "") {
      self.name = name
      self.size = size
      self.arguments = arguments
    }
  }

  /// What unpacking the payload of a bzImage leaves behind.
  public struct Setup: Sendable {
    public var header: SetupHeader
    /// The bytes of the header, from file offset 0x1f1 to its end.
    public var bytes: [UInt8]

    public init(header: SetupHeader, bytes: [UInt8]) {
      self.header = header
      self.bytes = bytes
    }
  }

  /// The machine's physical memory.
  public var machine: MemoryMap
  /// The image's file name, where a loader hands it over.
  public var imageName: String
  public var commandLine: String
  public var modules: [Module]
  /// The setup header of the bzImage whose unpacked payload the image is, for Perch's own loader; else nil.
  public var setup: Setup?
  /// Usable memory that firmware still writes to before the kernel is entered: Perch's own loader avoids it.
  public var firmwareScratch: PhysicalRange?

  public init(machine: MemoryMap, imageName: String = "kernel", commandLine: String = "", modules: [Module] = []) {
    self.machine = machine
    self.imageName = imageName
    self.commandLine = commandLine
    self.modules = modules
  }
}
