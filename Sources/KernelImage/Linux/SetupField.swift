/// A field of the x86 setup header (Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"), in file
/// order.
public enum SetupField: Int, CaseIterable, Hashable, Sendable {
  case setupSectorCount
  case rootFlags
  case systemSize
  case ramSize
  case videoMode
  case rootDevice
  case bootFlag
  case jump
  case header
  case version
  case realModeSwitch
  case startSystemSegment
  case kernelVersion
  case loaderType
  case loadFlags
  case setupMoveSize
  case code32Start
  case ramdiskImage
  case ramdiskSize
  case bootSectorKludge
  case heapEnd
  case extendedLoaderVersion
  case extendedLoaderType
  case commandLinePointer
  case initrdAddressMax
  case kernelAlignment
  case relocatableKernel
  case minimumAlignment
  case extendedLoadFlags
  case commandLineSize
  case hardwareSubarchitecture
  case hardwareSubarchitectureData
  case payloadOffset
  case payloadLength
  case setupData
  case preferredAddress
  case initSize
  case handoverOffset
  case kernelInfoOffset

  /// Who fills a field in.
  public enum Direction: Hashable, Sendable {
    /// The kernel tells the loader.
    case read
    /// The loader tells the kernel.
    case write
    /// The kernel proposes, the loader may change it.
    case modify
    /// Nobody uses it any more.
    case unused
  }
}

/// Where a field lies and since when.
struct SetupFieldLayout {
  let name: String
  /// From the start of the file.
  let offset: UInt64
  /// In bytes.
  let size: UInt64
  /// The first protocol version that defines the field; 0 for those older than the protocol.
  let since: UInt16
  let direction: SetupField.Direction

  init(_ name: String, _ offset: UInt64, _ size: UInt64, _ since: UInt16, _ direction: SetupField.Direction) {
    self.name = name
    self.offset = offset
    self.size = size
    self.since = since
    self.direction = direction
  }
}

extension SetupField {
  /// The name in the boot protocol: "setup_sects".
  public var name: String { layout.name }
  /// From the start of the file.
  public var offset: UInt64 { layout.offset }
  /// The first protocol version that defines the field, major in the high byte; 0 for those older than the protocol.
  public var minimumVersion: UInt16 { layout.since }
  public var direction: Direction { layout.direction }

  /// The field's bytes under a version of the protocol: `syssize` had two before 2.04.
  public func size(version: UInt16) -> UInt64 {
    self == .systemSize && version < 0x204 ? 2 : layout.size
  }

  var layout: SetupFieldLayout {
    switch self {
    case .setupSectorCount: .init("setup_sects", 0x1f1, 1, 0, .read)
    case .rootFlags: .init("root_flags", 0x1f2, 2, 0, .modify)
    case .systemSize: .init("syssize", 0x1f4, 4, 0, .read)
    case .ramSize: .init("ram_size", 0x1f8, 2, 0, .unused)
    case .videoMode: .init("vid_mode", 0x1fa, 2, 0, .modify)
    case .rootDevice: .init("root_dev", 0x1fc, 2, 0, .modify)
    case .bootFlag: .init("boot_flag", 0x1fe, 2, 0, .read)
    case .jump: .init("jump", 0x200, 2, 0x200, .read)
    case .header: .init("header", 0x202, 4, 0x200, .read)
    case .version: .init("version", 0x206, 2, 0x200, .read)
    case .realModeSwitch: .init("realmode_swtch", 0x208, 4, 0x200, .modify)
    case .startSystemSegment: .init("start_sys_seg", 0x20c, 2, 0x200, .read)
    case .kernelVersion: .init("kernel_version", 0x20e, 2, 0x200, .read)
    case .loaderType: .init("type_of_loader", 0x210, 1, 0x200, .write)
    case .loadFlags: .init("loadflags", 0x211, 1, 0x200, .modify)
    case .setupMoveSize: .init("setup_move_size", 0x212, 2, 0x200, .modify)
    case .code32Start: .init("code32_start", 0x214, 4, 0x200, .modify)
    case .ramdiskImage: .init("ramdisk_image", 0x218, 4, 0x200, .write)
    case .ramdiskSize: .init("ramdisk_size", 0x21c, 4, 0x200, .write)
    case .bootSectorKludge: .init("bootsect_kludge", 0x220, 4, 0x200, .unused)
    case .heapEnd: .init("heap_end_ptr", 0x224, 2, 0x201, .write)
    case .extendedLoaderVersion: .init("ext_loader_ver", 0x226, 1, 0x202, .write)
    case .extendedLoaderType: .init("ext_loader_type", 0x227, 1, 0x202, .write)
    case .commandLinePointer: .init("cmd_line_ptr", 0x228, 4, 0x202, .write)
    case .initrdAddressMax: .init("initrd_addr_max", 0x22c, 4, 0x203, .read)
    case .kernelAlignment: .init("kernel_alignment", 0x230, 4, 0x205, .modify)
    case .relocatableKernel: .init("relocatable_kernel", 0x234, 1, 0x205, .read)
    case .minimumAlignment: .init("min_alignment", 0x235, 1, 0x20a, .read)
    case .extendedLoadFlags: .init("xloadflags", 0x236, 2, 0x20c, .read)
    case .commandLineSize: .init("cmdline_size", 0x238, 4, 0x206, .read)
    case .hardwareSubarchitecture: .init("hardware_subarch", 0x23c, 4, 0x207, .write)
    case .hardwareSubarchitectureData: .init("hardware_subarch_data", 0x240, 8, 0x207, .write)
    case .payloadOffset: .init("payload_offset", 0x248, 4, 0x208, .read)
    case .payloadLength: .init("payload_length", 0x24c, 4, 0x208, .read)
    case .setupData: .init("setup_data", 0x250, 8, 0x209, .write)
    case .preferredAddress: .init("pref_address", 0x258, 8, 0x20a, .read)
    case .initSize: .init("init_size", 0x260, 4, 0x20a, .read)
    case .handoverOffset: .init("handover_offset", 0x264, 4, 0x20b, .read)
    case .kernelInfoOffset: .init("kernel_info_offset", 0x268, 4, 0x20f, .read)
    }
  }
}
