import KernelImage

/// The fields of an ELF header as they stand in the bytes, little-endian unless they are to be swapped, without any
/// check of their meaning: loaders of the field accept much that the specification forbids, and a model has to look at
/// what they look at.
///
/// A field is nil where the file ends before it. Fields of both classes are widened to 64 bits (System V gABI, ch. 4).
struct LenientELF {
  /// Whether the fields are laid out as in ELFCLASS64.
  let is64: Bool
  /// Whether every field is read with its bytes swapped.
  let isSwapped: Bool
  /// 0x7f 'E' 'L' 'F'.
  let hasMagic: Bool
  /// EI_CLASS: 1 for 32 bits, 2 for 64.
  let fileClass: UInt64?
  /// EI_DATA: 1 for little-endian.
  let data: UInt64?
  /// EI_VERSION.
  let identVersion: UInt64?
  /// EI_OSABI.
  let osABI: UInt64?
  let type, machine, version, entry, programHeaderOffset, sectionHeaderOffset, flags, headerSize: UInt64?
  let programHeaderEntrySize, programHeaderCount: UInt64?
  let sectionHeaderEntrySize, sectionHeaderCount, sectionNameIndex: UInt64?

  /// The bytes of one program header of this class by the specification.
  var programHeaderSize: UInt64 { is64 ? 56 : 32 }
  /// The bytes of one section header of this class by the specification.
  var sectionHeaderSize: UInt64 { is64 ? 64 : 40 }

  /// Reads the ELF header.
  ///
  /// - Parameters:
  ///   - is64: the layout to read; where nil, ELFCLASS64 if EI_CLASS is 2 and ELFCLASS32 for anything else.
  ///   - isSwapped: whether to swap the bytes of each field, whatever EI_DATA says.
  init(_ bytes: RawSpan, is64 layout: Bool? = nil, isSwapped: Bool = false) {
    let is64 = layout ?? (bytes.load(UInt8.self, at: 4) == 2)
    // The fields behind e_version: three addresses and offsets, e_flags, then the 16-bit ones.
    let width: UInt64 = is64 ? 8 : 4
    let tail = 24 + 3 * width
    func half(_ index: UInt64) -> UInt64? {
      bytes.wide(UInt16.self, at: tail + 4 + index * 2, isSwapped: isSwapped)
    }
    func address(_ index: UInt64) -> UInt64? {
      bytes.address(at: 24 + index * width, is64: is64, isSwapped: isSwapped)
    }
    self.is64 = is64
    self.isSwapped = isSwapped
    hasMagic = bytes.load(UInt32.self, at: 0) == 0x464c_457f
    fileClass = bytes.wide(UInt8.self, at: 4)
    data = bytes.wide(UInt8.self, at: 5)
    identVersion = bytes.wide(UInt8.self, at: 6)
    osABI = bytes.wide(UInt8.self, at: 7)
    type = bytes.wide(UInt16.self, at: 16, isSwapped: isSwapped)
    machine = bytes.wide(UInt16.self, at: 18, isSwapped: isSwapped)
    version = bytes.wide(UInt32.self, at: 20, isSwapped: isSwapped)
    entry = address(0)
    programHeaderOffset = address(1)
    sectionHeaderOffset = address(2)
    flags = bytes.wide(UInt32.self, at: tail, isSwapped: isSwapped)
    headerSize = half(0)
    programHeaderEntrySize = half(1)
    programHeaderCount = half(2)
    sectionHeaderEntrySize = half(3)
    sectionHeaderCount = half(4)
    sectionNameIndex = half(5)
  }

  /// How many entries of a table can begin inside the file, at most `count`: the bound of a loop over it. Entries of no
  /// size are all the same one, of which one look is enough.
  static func entries(_ count: UInt64, at offset: UInt64, stride: UInt64, in bytes: RawSpan) -> UInt64 {
    let size = UInt64(bytes.byteCount)
    guard offset < size else { return 0 }
    guard stride > 0 else { return min(count, 1) }
    return min(count, (size - offset - 1) / stride + 1)
  }
}

extension RawSpan {
  /// A little-endian field, or a big-endian one where it is to be swapped, widened; nil where the bytes end before it
  /// does.
  func wide<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: Value.Type, at offset: UInt64, isSwapped: Bool = false
  ) -> UInt64? { load(type, at: offset).map { UInt64(isSwapped ? $0.byteSwapped : $0) } }

  /// A field as wide as an address of a class.
  func address(at offset: UInt64, is64: Bool, isSwapped: Bool = false) -> UInt64? {
    is64
      ? wide(UInt64.self, at: offset, isSwapped: isSwapped) : wide(UInt32.self, at: offset, isSwapped: isSwapped)
  }
}
