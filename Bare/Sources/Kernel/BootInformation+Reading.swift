import AddressSpace
import Addresses
import BareMachine
import BootProtocols

extension BootInformation {
  /// Reads what a loader left, as `Documentation/boot-information.h` lays it out; a contradiction ends the run with a
  /// sentence. (The core's own parser names every field in a `String`, which the kernel cannot: ``Line``.)
  ///
  /// - Parameter address: mapped, with as many bytes behind it as the structure's own size says.
  static func read(at address: VirtualAddress) -> BootInformation {
    let reader = BootInformationReader(address)
    var information = BootInformation()
    information.seed = reader.word(48)
    information.directMapBase = VirtualAddress(reader.word(56))
    information.directMapSize = ByteCount(reader.word(64))
    information.kernelPhysicalBase = PhysicalAddress(truncating: reader.word(72))
    information.kernelVirtualBase = VirtualAddress(reader.word(80))
    information.kernelSize = ByteCount(reader.word(88))
    information.slide = Slide(Int64(bitPattern: reader.word(96)))
    information.stackTop = VirtualAddress(reader.word(104))
    information.stackGuard = VirtualAddress(reader.word(112))
    information.physicalAddress = PhysicalAddress(truncating: reader.word(120))
    information.memoryMap = reader.entries(16, of: 24).map(reader.memory)
    information.mappings = reader.entries(24, of: 32).map(reader.mapping)
    information.modules = reader.entries(32, of: 24).map(reader.module)
    information.commandLine = reader.text(40)
    return information
  }
}

/// Bounded reads of single fields.
private struct BootInformationReader {
  private let bytes: [UInt8]

  init(_ address: VirtualAddress) {
    // {u32 version, u32 size}; magic and version were judged before there was a heap.
    let versionAndSize = MappedMemory.word(at: VirtualAddress(address.value + 8))
    bytes = MappedMemory.bytes(at: address, count: Int(versionAndSize >> 32))
    guard bytes.count >= BootInformation.headerByteCount else {
      stop("boot information: size is \(bytes.count), below \(BootInformation.headerByteCount)")
    }
  }

  func word(_ offset: Int) -> UInt64 { UInt64(half(offset)) | UInt64(half(offset + 4)) << 32 }

  private func half(_ offset: Int) -> UInt32 {
    guard offset <= bytes.count - 4 else { stop("boot information: a field at \(offset) lies behind its end") }
    var value: UInt32 = 0
    for index in (0..<4).reversed() { value = value << 8 | UInt32(bytes[offset + index]) }
    return value
  }

  /// The offsets of a table's entries; {u32 offset, u32 count} says where it is.
  func entries(_ position: Int, of size: Int) -> [Int] {
    let (offset, count) = (Int(half(position)), Int(half(position + 4)))
    guard offset <= bytes.count, count <= (bytes.count - offset) / size else {
      stop("boot information: the table at \(offset) has \(count) entries, more than fit")
    }
    return (0..<count).map { offset + $0 * size }
  }

  /// The string at {u32 offset}, up to its NUL.
  func text(_ position: Int) -> String {
    let start = Int(half(position))
    guard start <= bytes.count, let end = bytes[start...].firstIndex(of: 0) else {
      stop("boot information: the string at \(start) has no end")
    }
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  private func range(_ offset: Int) -> PhysicalRange {
    let start = PhysicalAddress(truncating: word(offset))
    guard let range = PhysicalRange(start: start, count: ByteCount(word(offset + 8))) else {
      stop("boot information: the range at \(offset) has no end")
    }
    return range
  }

  func memory(_ offset: Int) -> MemoryMap.Entry {
    MemoryMap.Entry(range: range(offset), kind: MemoryKind(rawValue: half(offset + 16)))
  }

  func mapping(_ offset: Int) -> BootInformation.Mapping {
    guard let virtual = VirtualRange(start: VirtualAddress(word(offset)), count: ByteCount(word(offset + 16))) else {
      stop("boot information: the mapping at \(offset) has no end")
    }
    return BootInformation.Mapping(
      virtual: virtual, physical: PhysicalAddress(truncating: word(offset + 8)),
      access: BootInformation.AccessBits(rawValue: half(offset + 24)), name: text(offset + 28))
  }

  func module(_ offset: Int) -> BootInformation.Module {
    BootInformation.Module(physical: range(offset), name: text(offset + 16))
  }
}
