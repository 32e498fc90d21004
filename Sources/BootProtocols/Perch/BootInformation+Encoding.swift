import AddressSpace
import Addresses

extension BootInformation {
  /// The structure as the kernel reads it, ``size`` bytes.
  ///
  /// - Precondition: ``size`` is below 4 GiB, as offsets are 32 bits wide.
  public var bytes: [UInt8] {
    let size = size
    precondition(size.value <= UInt64(UInt32.max), "offsets are 32 bits wide")
    var tables: [UInt8] = []
    tables.reserveCapacity(Int(size.value))
    tables.pad(to: Self.headerByteCount)
    var strings = StringArea(offset: Int(size.value) - stringByteCount)
    let commandLineOffset = strings.add(commandLine)

    let memoryMapOffset = tables.count
    for entry in memoryMap { tables.append(entry) }
    let mappingsOffset = tables.count
    for mapping in mappings { tables.append(mapping, name: strings.add(mapping.name)) }
    let modulesOffset = tables.count
    for module in modules { tables.append(module, name: strings.add(module.name)) }

    storeHeader(in: &tables, size: size)
    tables.store(offset: memoryMapOffset, count: memoryMap.count, at: Offset.memoryMap)
    tables.store(offset: mappingsOffset, count: mappings.count, at: Offset.mappings)
    tables.store(offset: modulesOffset, count: modules.count, at: Offset.modules)
    tables.store(
      offset: commandLineOffset, count: Self.stringByteCount(commandLine) - 1, at: Offset.commandLine)
    return tables + strings.bytes
  }

  private func storeHeader(in bytes: inout [UInt8], size: ByteCount) {
    bytes.store(Self.magic, at: Offset.magic)
    bytes.store(Self.version, at: Offset.version)
    bytes.store(UInt32(truncatingIfNeeded: size.value), at: Offset.size)
    bytes.store(seed, at: Offset.seed)
    bytes.store(directMapBase.value, at: Offset.directMapBase)
    bytes.store(directMapSize.value, at: Offset.directMapSize)
    bytes.store(kernelPhysicalBase.value, at: Offset.kernelPhysicalBase)
    bytes.store(kernelVirtualBase.value, at: Offset.kernelVirtualBase)
    bytes.store(kernelSize.value, at: Offset.kernelSize)
    bytes.store(slide.value, at: Offset.slide)
    bytes.store(stackTop.value, at: Offset.stackTop)
    bytes.store(stackGuard.value, at: Offset.stackGuard)
    bytes.store(physicalAddress.value, at: Offset.physicalAddress)
  }
}

/// The strings behind the tables, and where each lies.
private struct StringArea {
  let offset: Int
  private(set) var bytes: [UInt8] = []

  init(offset: Int) { self.offset = offset }

  /// Adds a string; the result is its offset in the structure.
  mutating func add(_ string: String) -> Int {
    let position = offset + bytes.count
    bytes += BootInformation.terminated(string)
    return position
  }
}

extension [UInt8] {
  /// {u64 start, u64 size, u32 kind, u32 0}
  fileprivate mutating func append(_ entry: MemoryMap.Entry) {
    append(littleEndian: entry.range.start.value)
    append(littleEndian: entry.range.count.value)
    append(littleEndian: entry.kind.rawValue)
    append(littleEndian: UInt32(0))
  }

  /// {u64 virtual, u64 physical, u64 size, u32 access, u32 name}
  fileprivate mutating func append(_ mapping: BootInformation.Mapping, name: Int) {
    append(littleEndian: mapping.virtual.start.value)
    append(littleEndian: mapping.physical.value)
    append(littleEndian: mapping.virtual.count.value)
    append(littleEndian: mapping.access.rawValue)
    append(littleEndian: UInt32(name))
  }

  /// {u64 physical, u64 size, u32 name, u32 0}
  fileprivate mutating func append(_ module: BootInformation.Module, name: Int) {
    append(littleEndian: module.physical.start.value)
    append(littleEndian: module.physical.count.value)
    append(littleEndian: UInt32(name))
    append(littleEndian: UInt32(0))
  }

  fileprivate mutating func store(offset: Int, count: Int, at position: Int) {
    store(UInt32(offset), at: position)
    store(UInt32(count), at: position + 4)
  }
}
