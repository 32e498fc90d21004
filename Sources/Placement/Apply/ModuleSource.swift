/// Where the bytes of a plan's modules come from. The source writes them itself, so that each byte is copied once.
public protocol ModuleSource: ~Copyable {
  /// Writes the module with this index to the start of `place` and returns how many bytes it has: at most as many as
  /// `place` holds are written.
  func copyModule(_ index: Int, to place: inout MutableRawSpan) -> Int
}

/// No modules.
public struct NoModules: ModuleSource {
  public init() {}
  public func copyModule(_ index: Int, to place: inout MutableRawSpan) -> Int { 0 }
}
