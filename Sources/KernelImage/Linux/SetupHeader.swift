public import Addresses

/// The setup header of an x86 kernel image, protocol 2.00 and later (Linux, Documentation/arch/x86/boot.rst). What the
/// image's version does not define is nil, or the value the protocol gives for older kernels where it says so.
public struct SetupHeader: Sendable {
  /// The protocol version, major in the high byte: 0x20f is 2.15.
  public let version: UInt16
  /// What a loader copies into the zero page: from `setup_sects` (0x1f1) to where `jump` lands.
  public let headerRange: FileRange
  /// The text at `kernel_version`; nil when the field is 0 or points outside the setup code.
  public let kernelVersion: String?
  /// One value per `SetupField`, in their order; those the version does not define are nil.
  let values: [UInt64?]

  /// The raw value of a field, or nil when the version does not define it.
  public subscript(field: SetupField) -> UInt64? { values[field.rawValue] }
}

extension SetupHeader {
  /// `setup_sects` with the protocol's rule applied: 0 means 4. In sectors of 512 bytes, the boot sector not counted.
  public var setupSectorCount: UInt64 {
    let count = self[.setupSectorCount] ?? 0
    return count == 0 ? 4 : count
  }

  public var loadFlags: LoadFlags { LoadFlags(rawValue: UInt8(truncatingIfNeeded: self[.loadFlags] ?? 0)) }

  /// Empty before 2.12.
  public var extendedLoadFlags: ExtendedLoadFlags {
    ExtendedLoadFlags(rawValue: UInt16(truncatingIfNeeded: self[.extendedLoadFlags] ?? 0))
  }

  /// The highest address an initrd's last byte may have; 0x37ffffff before 2.03.
  public var initrdAddressMax: UInt64 { self[.initrdAddressMax] ?? 0x37ff_ffff }

  /// The alignment a relocatable kernel wants, in bytes; nil before 2.05. Raw: whether it is a power of two is for the
  /// planner to say.
  public var kernelAlignment: UInt32? { word(.kernelAlignment) }

  /// Whether the protected-mode code runs at any address of the right alignment.
  public var isRelocatable: Bool { (self[.relocatableKernel] ?? 0) != 0 }

  /// The base-2 logarithm of the smallest alignment the kernel bears; nil before 2.10.
  public var minimumAlignmentShift: UInt8? { self[.minimumAlignment].map(UInt8.init(truncatingIfNeeded:)) }

  /// The longest command line, in bytes without the final NUL; 255 before 2.06.
  public var commandLineSize: UInt32 { word(.commandLineSize) ?? 255 }

  /// Where the kernel prefers to be; nil before 2.10.
  public var preferredAddress: UInt64? { self[.preferredAddress] }

  /// How much memory the kernel needs from its start before it reads the memory map, in bytes; nil before 2.10.
  public var initSize: UInt32? { word(.initSize) }

  private func word(_ field: SetupField) -> UInt32? { self[field].map(UInt32.init(truncatingIfNeeded:)) }
}
