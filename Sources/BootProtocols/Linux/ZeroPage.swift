public import AddressSpace
public import Addresses

/// Linux's `struct boot_params`: the 4096 bytes that RSI points to when an x86 kernel is entered
/// (Linux `Documentation/arch/x86/zero-page.rst` and `boot.rst`).
///
///     000 ┌──────────────────────────────────────────────┐
///         │ screen_info, ACPI root pointer (070), …      │
///     0c0 │ upper halves: ramdisk, its size, command line│
///     1e8 │ e820_entries                                 │
///     1ef │ sentinel: 0, or the kernel wipes what follows│
///     1f1 ├──────────────────────────────────────────────┤
///         │ setup header, copied from the image          │
///     290 ├──────────────────────────────────────────────┤
///     2d0 │ e820_table: 128 entries of 20 bytes          │
///     cd0 ├──────────────────────────────────────────────┤
///     fff └──────────────────────────────────────────────┘
public struct ZeroPage: Sendable {
  public static var byteCount: Int { 4096 }
  /// Where the setup header lies, in the zero page as in the file.
  public static var setupHeaderOffset: Int { 0x1f1 }
  /// How many entries `e820_table` has.
  public static var memoryMapCapacity: Int { 128 }

  public private(set) var bytes: [UInt8]

  /// Starts a zero page.
  ///
  /// - Parameter setupHeader: the image's bytes from file offset 0x1f1 to the end of its setup header, 0x202 + the byte
  ///   at 0x201. What would reach beyond the structure's own room for it, which ends at 0x290, is left out. Nil for a
  ///   bare `vmlinux`, which has none: the fields that a running kernel reads are then set as protocol 2.15 defines
  ///   them.
  public init(setupHeader: [UInt8]?) {
    bytes = [UInt8](repeating: 0, count: Self.byteCount)
    if let setupHeader {
      let room = Offset.setupHeaderEnd - Self.setupHeaderOffset
      for (index, byte) in setupHeader.prefix(room).enumerated() { bytes[Self.setupHeaderOffset + index] = byte }
    } else {
      writeMinimalHeader()
    }
    bytes[Offset.loaderType] = 0xff
    bytes[Offset.loadFlags] |= LoadFlag.loadedHigh
    // The header copied is the file's; no loader chose these yet.
    bytes.store(UInt64(0), at: Offset.setupData)
    commandLine = nil
    initialRAMDisk = nil
  }

  /// What arch/x86/boot/header.S would have said.
  private mutating func writeMinimalHeader() {
    bytes.store(UInt16(0xaa55), at: Offset.bootFlag)
    // "HdrS"
    bytes.store(UInt32(0x5372_6448), at: Offset.magic)
    bytes.store(UInt16(0x020f), at: Offset.version)
    bytes.store(UInt32(0x7fff_ffff), at: Offset.initrdAddressMax)
    bytes.store(UInt32(0x20_0000), at: Offset.kernelAlignment)
    bytes.store(UInt32(2047), at: Offset.commandLineSize)
  }

  /// The physical address of the NUL-terminated command line; all 64 bits (`cmd_line_ptr`, `ext_cmd_line_ptr`).
  public var commandLine: PhysicalAddress? {
    get { address(low: Offset.commandLine, high: Offset.commandLineHigh) }
    set { store(newValue?.value ?? 0, low: Offset.commandLine, high: Offset.commandLineHigh) }
  }

  /// Where the initial RAM disk lies; all 64 bits (`ramdisk_image`, `ramdisk_size` and their extensions).
  public var initialRAMDisk: PhysicalRange? {
    get {
      guard let start = address(low: Offset.ramdisk, high: Offset.ramdiskHigh) else { return nil }
      let count = split(low: Offset.ramdiskSize, high: Offset.ramdiskSizeHigh)
      return PhysicalRange(start: start, count: ByteCount(count))
    }
    set {
      store(newValue?.start.value ?? 0, low: Offset.ramdisk, high: Offset.ramdiskHigh)
      store(newValue?.count.value ?? 0, low: Offset.ramdiskSize, high: Offset.ramdiskSizeHigh)
    }
  }

  /// The first node of the setup_data list.
  public var setupData: PhysicalAddress? {
    get {
      let value = UInt64(word(Offset.setupData)) | UInt64(word(Offset.setupData + 4)) << 32
      return value == 0 ? nil : PhysicalAddress(truncating: value)
    }
    set { bytes.store(newValue?.value ?? 0, at: Offset.setupData) }
  }

  /// Where ACPI's root pointer (RSDP) lies, for machines on which the kernel would not find it by itself.
  public var acpiRootPointer: PhysicalAddress? {
    get {
      let value = UInt64(word(Offset.acpiRootPointer)) | UInt64(word(Offset.acpiRootPointer + 4)) << 32
      return value == 0 ? nil : PhysicalAddress(truncating: value)
    }
    set { bytes.store(newValue?.value ?? 0, at: Offset.acpiRootPointer) }
  }

  /// KASLR_FLAG of `loadflags`: the kernel was placed at random, so it shall randomise its memory regions too
  /// (`kaslr_memory_enabled` in Linux's arch/x86/mm/kaslr.c). The decompressor sets it; who bypasses that must.
  public var isRandomized: Bool {
    get { bytes[Offset.loadFlags] & LoadFlag.kaslr != 0 }
    set {
      bytes[Offset.loadFlags] &= ~LoadFlag.kaslr
      if newValue { bytes[Offset.loadFlags] |= LoadFlag.kaslr }
    }
  }

  /// `type_of_loader`: 0xff, "undefined", unless set.
  public var loaderType: UInt8 {
    get { bytes[Offset.loaderType] }
    set { bytes[Offset.loaderType] = newValue }
  }

  /// Writes the first 128 entries of the memory map. The others need a node,
  /// ``SetupData/memoryMapExtension(for:next:)``, which ``setupData`` then points to.
  ///
  /// - Returns: how many entries had no room.
  public mutating func setMemoryMap(_ map: MemoryMap) -> Int {
    let fitting = map.entries.prefix(Self.memoryMapCapacity)
    for index in Offset.memoryMap..<Offset.memoryMapEnd { bytes[index] = 0 }
    for (index, entry) in fitting.enumerated() {
      let offset = Offset.memoryMap + index * E820Entry.byteCount
      for (position, byte) in E820Entry(entry).bytes.enumerated() { bytes[offset + position] = byte }
    }
    bytes[Offset.memoryMapCount] = UInt8(fitting.count)
    return map.entries.count - fitting.count
  }
}

extension ZeroPage {
  private func word(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }

  private func split(low: Int, high: Int) -> UInt64 { UInt64(word(high)) << 32 | UInt64(word(low)) }

  private func address(low: Int, high: Int) -> PhysicalAddress? {
    let value = split(low: low, high: high)
    return value == 0 ? nil : PhysicalAddress(truncating: value)
  }

  private mutating func store(_ value: UInt64, low: Int, high: Int) {
    bytes.store(UInt32(truncatingIfNeeded: value), at: low)
    bytes.store(UInt32(truncatingIfNeeded: value >> 32), at: high)
  }

  /// Offsets in `struct boot_params`.
  private enum Offset {
    static var acpiRootPointer: Int { 0x070 }
    static var ramdiskHigh: Int { 0x0c0 }
    static var ramdiskSizeHigh: Int { 0x0c4 }
    static var commandLineHigh: Int { 0x0c8 }
    static var memoryMapCount: Int { 0x1e8 }
    static var bootFlag: Int { 0x1fe }
    static var magic: Int { 0x202 }
    static var version: Int { 0x206 }
    static var loaderType: Int { 0x210 }
    static var loadFlags: Int { 0x211 }
    static var ramdisk: Int { 0x218 }
    static var ramdiskSize: Int { 0x21c }
    static var commandLine: Int { 0x228 }
    static var initrdAddressMax: Int { 0x22c }
    static var kernelAlignment: Int { 0x230 }
    static var commandLineSize: Int { 0x238 }
    static var setupData: Int { 0x250 }
    static var setupHeaderEnd: Int { 0x290 }
    static var memoryMap: Int { 0x2d0 }
    static var memoryMapEnd: Int { 0xcd0 }
  }

  /// Bits of `loadflags`.
  private enum LoadFlag {
    static var loadedHigh: UInt8 { 1 << 0 }
    static var kaslr: UInt8 { 1 << 1 }
  }
}
