public import Addresses

/// What a kernel of protocol 2.15 says beyond the setup header (Linux, Documentation/arch/x86/boot.rst, "The
/// kernel_info").
public struct KernelInfo: Hashable, Sendable {
  /// The structure's fixed part, inside the protected-mode code.
  public let range: FileRange
  /// `size`: the fixed part, in bytes.
  public let size: UInt32
  /// `size_total`: with what follows it, in bytes.
  public let totalSize: UInt32
  /// `setup_type_max`: the largest `setup_data` type the kernel understands, with bit 31 (indirect) as the kernel sets
  /// it.
  public let setupTypeMax: UInt32
}
