import AddressSpace
import Addresses
import Foundation
import PageTables
import TestSupport

func intent(
  _ virtual: UInt64, _ count: UInt64, to physical: UInt64, _ access: Access = .readWrite,
  cache: CachePolicy = .writeBack, isUser: Bool = false, isGlobal: Bool = false, largest: PageSize = .size2MiB,
  name: String = "test"
) -> MappingIntent {
  MappingIntent(
    virtual: range(virtual, count), physical: PhysicalAddress(physical), access: access, cache: cache,
    isUser: isUser, isGlobal: isGlobal, largestPage: largest, name: name)
}

func range(_ start: UInt64, _ count: UInt64) -> VirtualRange {
  VirtualRange(uncheckedStart: VirtualAddress(start), count: ByteCount(count))
}

func space(_ mode: PagingMode = .x86_64FourLevel, _ intents: MappingIntent...) throws -> AddressSpace {
  var space = AddressSpace(mode: mode)
  for intent in intents { try space.add(intent) }
  return space
}

extension PageTableImage {
  /// The 64-bit entry at `index` of the frame with this number.
  func entry(_ index: Int, ofFrame frame: Int) -> UInt64 { word(frame * Int(budget.frameSize.value) + index * 8, 8) }

  /// The little-endian integer of `count` bytes at an offset.
  func word(_ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
  }

  var tables: TranslationTables<X86_64Format, BytesTableMemory> {
    TranslationTables(format: X86_64Format(), memory: BytesTableMemory(self), root: root)
  }

  func tables(_ mode: PagingMode) -> TranslationTables<PagingFormat, BytesTableMemory> {
    TranslationTables(format: PagingFormat(mode), memory: BytesTableMemory(self), root: root)
  }
}

/// Bytes at physical address 0 that hold these 64-bit words, and zeros.
func memory(_ words: [(offset: Int, value: UInt64)], count: Int) -> BytesTableMemory {
  var bytes = [UInt8](repeating: 0, count: count)
  for word in words {
    for byte in 0..<8 { bytes[word.offset + byte] = UInt8(truncatingIfNeeded: word.value >> (8 * UInt64(byte))) }
  }
  return BytesTableMemory(base: PhysicalAddress(0), bytes: bytes)
}

/// Room for tables that are changed in place: frames from 16 MiB up whose bytes mean nothing, and a cleared root.
final class Workbench {
  let tables: TranslationTables<PagingFormat, RegionTableMemory>
  var frames: FrameRange
  private let buffer: UnsafeMutableRawBufferPointer

  init(_ mode: PagingMode, frames count: Int) {
    let format = PagingFormat(mode)
    let base = PhysicalAddress(0x100_0000)
    let size = format.geometry.frameSize
    buffer = .allocate(byteCount: count * Int(size.value), alignment: 16)
    // Every word of a frame that was not cleared is a valid entry in some mode.
    buffer.initializeMemory(as: UInt8.self, repeating: 0xa7)
    let memory = RegionTableMemory(base: base, bytes: buffer)!
    frames = FrameRange(memory.range, frameSize: size)
    tables = TranslationTables(format: format, memory: memory, root: frames.takeFrame(for: format.geometry.rootLevel)!)
    _ = memory.storeEntries(Int(size.value) / 8, first: 0, step: 0, at: base)
  }

  deinit { buffer.deallocate() }

  var bytes: [UInt8] { [UInt8](buffer) }

  /// Whether nothing was changed since.
  func isUnchanged(since bytes: [UInt8]) -> Bool { memcmp(buffer.baseAddress!, bytes, bytes.count) == 0 }

  var rootIsEmpty: Bool { buffer[..<Int(tables.format.geometry.frameSize.value)].allSatisfy { $0 == 0 } }
}
