import AddressSpace
import Addresses

extension BootInformation {
  /// The structure as the kernel reads it, ``size`` bytes.
  ///
  /// - Precondition: ``size`` is below 4 GiB, as offsets are 32 bits wide.
  public var bytes: [UInt8] {
    let size = size
    precondition(size.value <= UInt64(UInt32.max), "offsets are 32 bits wide")
    var strings = StringArea(offset: Int(size.value) - stringByteCount)
    let commandLineOffset = strings.add(commandLine)
    let mappingsOffset = Self.headerByteCount + memoryMap.count * Self.memoryEntryByteCount
    let modulesOffset = mappingsOffset + mappings.count * Self.mappingByteCount
    // The header, in the order of `Offset`.
    var bytes: [UInt8] = []
    let header = [
      Self.magic, Self.pair(Int(Self.version), Int(size.value)), Self.pair(Self.headerByteCount, memoryMap.count),
      Self.pair(mappingsOffset, mappings.count), Self.pair(modulesOffset, modules.count),
      Self.pair(commandLineOffset, Self.stringByteCount(commandLine) - 1), seed, directMapBase.value,
      directMapSize.value, kernelPhysicalBase.value, kernelVirtualBase.value, kernelSize.value,
      UInt64(bitPattern: slide.value), stackTop.value, stackGuard.value, physicalAddress.value,
    ]
    for word in header { bytes.append(littleEndian: word) }
    for entry in memoryMap { bytes.append(entry) }
    for mapping in mappings { bytes.append(mapping, name: strings.add(mapping.name)) }
    for module in modules { bytes.append(module, name: strings.add(module.name)) }
    return bytes + strings.bytes
  }

  /// Two u32 fields as one word.
  private static func pair(_ low: Int, _ high: Int) -> UInt64 { UInt64(UInt32(low)) | UInt64(UInt32(high)) << 32 }
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
}
