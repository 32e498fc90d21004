public import AddressSpace
public import Addresses

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

  /// The machine's physical memory.
  public var machine: MemoryMap
  /// The image's file name, where a loader hands it over.
  public var imageName: String
  public var commandLine: String
  public var modules: [Module]

  public init(machine: MemoryMap, imageName: String = "kernel", commandLine: String = "", modules: [Module] = []) {
    self.machine = machine
    self.imageName = imageName
    self.commandLine = commandLine
    self.modules = modules
  }
}
