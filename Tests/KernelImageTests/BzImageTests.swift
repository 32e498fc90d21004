import Addresses
import KernelImage
import TestSupport
import Testing

/// The setup header of every protocol version, and the parts of the file it declares (Documentation/arch/x86/boot.rst).
@Suite("bzImage")
struct BzImageTests {
  private func parse(_ bytes: [UInt8]) throws(ParseError) -> BzImage {
    try bytes.withRawSpan { raw throws(ParseError) in try BzImage(parsing: raw) }
  }

  private func error(_ bytes: [UInt8]) -> ParseError? {
    do {
      _ = try parse(bytes)
      return nil
    } catch { return error }
  }

  private func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

  /// 64 bytes of code; in 32 of them an LZ4 legacy frame whose last word declares 0x123456 bytes.
  private var code: [UInt8] {
    var bytes = [UInt8](repeating: 0xcc, count: 64)
    bytes.replaceSubrange(16..<20, with: [0x02, 0x21, 0x4c, 0x18])
    bytes.replaceSubrange(44..<48, with: word(0x12_3456))
    return bytes
  }

  private func image(_ version: UInt16) -> BzImageBuilder {
    let plain = BzImageBuilder(version: version, protectedMode: code)
    return version >= 0x208 ? plain.payload(offset: 16, length: 32) : plain
  }

  /// How many fields the table of boot.rst has up to each version: 7 older than the protocol, 13 of 2.00, and so on.
  @Test(
    arguments: [
      (0x200, 20), (0x201, 21), (0x202, 24), (0x203, 25), (0x204, 25), (0x205, 27), (0x206, 28), (0x207, 30),
      (0x208, 32), (0x209, 33), (0x20a, 36), (0x20b, 37), (0x20c, 38), (0x20d, 38), (0x20e, 38), (0x20f, 39),
    ] as [(UInt16, Int)])
  func fieldsOfEachVersion(version: UInt16, count: Int) throws {
    let bytes = image(version).build()
    let setup = try parse(bytes).setup
    #expect(setup.version == version)
    #expect(setup.fields.count == count)
    #expect(setup.headerRange.start.value == 0x1f1)
    #expect(setup.headerRange.endValue == UInt64(BzImageBuilder.headerEnd(version: version)))
    // Fields are in file order, do not overlap, and hold the file's bytes.
    var end: UInt64 = 0
    for decoded in setup.fields {
      #expect(decoded.field.offset >= end)
      end = decoded.field.offset + decoded.size
      let raw = bytes[Int(decoded.field.offset)..<Int(end)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      #expect(decoded.value == raw)
    }
    #expect(end <= setup.headerRange.endValue)
  }

  @Test(
    arguments: [
      (0x1f1, "setup_sects", 1), (0x1f4, "syssize", 4), (0x206, "version", 2), (0x211, "loadflags", 1),
      (0x22c, "initrd_addr_max", 4), (0x230, "kernel_alignment", 4), (0x234, "relocatable_kernel", 1),
      (0x235, "min_alignment", 1), (0x236, "xloadflags", 2), (0x238, "cmdline_size", 4),
      (0x240, "hardware_subarch_data", 8), (0x248, "payload_offset", 4), (0x250, "setup_data", 8),
      (0x258, "pref_address", 8), (0x260, "init_size", 4),
      (0x264, "handover_offset", 4), (0x268, "kernel_info_offset", 4),
    ] as [(UInt64, String, UInt64)])
  func placesOfFields(offset: UInt64, name: String, size: UInt64) throws {
    let field = SetupField.allCases.first { $0.name == name }
    #expect(field?.offset == offset)
    #expect(field?.size(version: 0x20f) == size)
  }

  @Test func oldVersionsFallBackToTheProtocolsValues() throws {
    let old = try parse(image(0x202).build()).setup
    #expect(old.initrdAddressMax == 0x37ff_ffff)
    #expect(old.commandLineSize == 255)
    #expect(old.kernelAlignment == nil)
    #expect(old.minimumAlignmentShift == nil)
    #expect(old.preferredAddress == nil)
    #expect(old.initSize == nil)
    #expect(!old.isRelocatable)
    #expect(old.extendedLoadFlags == [])
    #expect(old.versionText == "2.02")
  }

  @Test func newVersionsSayThemselves() throws {
    let setup = try parse(
      image(0x20f).patch(0x22c, word(0x7fff_ffff)).patch(0x230, word(0x20_0000)).patch(0x234, [1, 21, 0x03, 0])
        .patch(0x238, word(2047)).patch(0x258, word(0x100_0000) + word(1)).patch(0x260, word(0x345_6000)).build()
    ).setup
    #expect(setup.initrdAddressMax == 0x7fff_ffff)
    #expect(setup.kernelAlignment == 0x20_0000)
    #expect(setup.isRelocatable)
    #expect(setup.minimumAlignmentShift == 21)
    #expect(setup.extendedLoadFlags == [.kernel64, .canBeLoadedAbove4GiB])
    #expect(setup.commandLineSize == 2047)
    #expect(setup.preferredAddress == 0x1_0100_0000)
    #expect(setup.initSize == 0x345_6000)
    #expect(setup.versionText == "2.15")
  }

  /// `kernel_version` counts from 0x200.
  @Test func kernelVersionText() throws {
    let named = image(0x20f).patch(0x20e, [0x00, 0x01]).patch(0x300, Array("6.1.0 (builder)\0".utf8))
    #expect(try parse(named.build()).setup.kernelVersion == "6.1.0 (builder)")
    #expect(try parse(image(0x20f).build()).setup.kernelVersion == nil)
    // Four sectors of setup code: 0x800 is the first offset outside.
    #expect(try parse(image(0x20f).patch(0x20e, [0x00, 0x08]).build()).setup.kernelVersion == nil)
  }

  @Test func partsOfTheFile() throws {
    let parsed = try parse(image(0x20c).build())
    // (4 + 1) sectors of 512 bytes.
    #expect(parsed.protectedModeRange == FileRange(start: FileOffset(2560), count: ByteCount(64)))
    #expect(parsed.realModeRange.count.value == 2560)
    #expect(parsed.payloadRange == FileRange(start: FileOffset(2576), count: ByteCount(32)))
    #expect(parsed.payloadCodec == .lz4Legacy)
    #expect(parsed.declaredPayloadSize == ByteCount(0x12_3456))
    #expect(parsed.kernelInfo == nil)
    #expect(parsed.isLoadedHigh)
  }

  @Test func zeroSetupSectorsMeanFour() throws {
    var builder = image(0x20c)
    builder.setupSectors = 0
    #expect(try parse(builder.build()).protectedModeRange.start.value == 2560)
  }

  @Test func noPayloadBefore208() throws {
    let parsed = try parse(image(0x207).build())
    #expect(parsed.payloadRange == nil)
    #expect(parsed.payloadCodec == nil)
    #expect(parsed.declaredPayloadSize == nil)
  }

  @Test func uncompressedPayload() throws {
    let parsed = try parse(image(0x20c).patch(2576, [0x7f, 0x45, 0x4c, 0x46]).build())
    #expect(parsed.payloadCodec == PayloadCodec.none)
    #expect(parsed.declaredPayloadSize == ByteCount(32))
  }

  @Test func kernelInfo() throws {
    // At 48 in the protected-mode code: header, size, size_total, setup_type_max.
    let info = Array("LToP".utf8) + word(16) + word(16) + word(0x8000_0009)
    let builder = image(0x20f).patch(0x268, word(48)).patch(2560 + 48, info)
    let parsed = try parse(builder.build())
    #expect(parsed.kernelInfo?.range.start.value == 2608)
    #expect(parsed.kernelInfo?.setupTypeMax == 0x8000_0009)
    #expect(error(builder.patch(2608, [0]).build())?.field == "kernel_info: header")
    #expect(error(builder.patch(2612, word(17)).build())?.field == "kernel_info: size")
    #expect(error(builder.patch(0x268, word(49)).build())?.field == "setup header: kernel_info_offset")
  }

  @Test(
    arguments: [
      (0x1fe, [0], "setup header: boot_flag"), (0x202, [0], "setup header: header"),
      (0x206, [0xff, 0x01], "setup header: version"), (0x200, [0xe9], "setup header: jump"),
      (0x201, [0x69], "setup header: jump"), (0x201, [0x80], "setup header: jump"),
      (0x1f1, [64], "setup header: setup_sects"), (0x1f4, [5], "setup header: syssize"),
      (0x1f4, [0xff, 0xff, 0xff, 0xff], "setup header: syssize"), (0x248, [65], "setup header: payload_offset"),
      (0x24c, [49], "setup header: payload_length"),
      (0x24c, [0xff, 0xff, 0xff, 0xff], "setup header: payload_length"),
    ] as [(Int, [UInt8], String)])
  func brokenFieldsAreNamed(offset: Int, patch: [UInt8], field: String) {
    #expect(error(image(0x20f).patch(offset, patch).build())?.field == field)
  }

  @Test func aTruncatedFileNamesTheField() {
    let bytes = image(0x20f).build()
    // 2624 bytes. Up to 15 bytes may be missing: old builds did not fill the last paragraph.
    #expect(error(Array(bytes.prefix(2624 - 15))) == nil)
    #expect(error(Array(bytes.prefix(2624 - 16)))?.field == "setup header: syssize")
    #expect(error(Array(bytes.prefix(2559)))?.field == "setup header: setup_sects")
    #expect(error(Array(bytes.prefix(0x26b)))?.field == "setup header")
    #expect(error(Array(bytes.prefix(0x1ff)))?.field == "setup header: boot_flag")
    #expect(error([])?.field == "setup header: boot_flag")
  }

  /// boot.rst: before 2.04 `syssize` has two bytes, and cannot be trusted if LOADED_HIGH is set.
  @Test func sizeOfOldImages() throws {
    let high = image(0x203).patch(0x1f4, [0xff, 0xff, 0xaa, 0xbb])
    #expect(try parse(high.build()).protectedModeRange.count.value == 64)
    #expect(try parse(high.build()).setup[.systemSize] == 0xffff)
    var low = image(0x203)
    low.loadFlags = 0
    #expect(try parse(low.build()).isLoadedHigh == false)
    #expect(error(low.patch(0x1f4, [0xff, 0xff]).build())?.field == "setup header: syssize")
  }

  @Test func meanings() throws {
    let setup = try parse(image(0x20f).patch(0x236, [0x21, 0]).build()).setup
    func meaning(_ field: SetupField) -> String? { setup.fields.first { $0.field == field }?.meaning }
    #expect(meaning(.version) == "protocol 2.15")
    #expect(meaning(.loadFlags) == "LOADED_HIGH")
    #expect(meaning(.extendedLoadFlags) == "KERNEL_64 | 5LEVEL")
    #expect(meaning(.setupSectorCount) == "2560 bytes of boot sector and setup code")
    #expect(meaning(.systemSize) == "64 bytes of protected-mode code")
    #expect(meaning(.jump) == "the header ends at 0x26c")
  }
}
