import Addresses
import KernelImage
import Placement
import TestSupport

/// A vmlinux of two segments: text at its link address, data with bss 8 KiB behind it.
struct LinuxKernel {
  static let startKernelMap: UInt64 = 0xffff_ffff_8000_0000

  /// LOAD_PHYSICAL_ADDR, as Linux's default configuration has it.
  var linkPhysical: UInt64 = 0x100_0000
  /// From the first byte of text to the end of bss.
  var span: UInt64 = 16 << 20
  var entry: UInt64?
  var text = [UInt8].pattern(0x1800)
  var data = [UInt8].pattern(0x800, seed: 99)
  /// The words of the relocation table, terminators included; nil: none.
  var table: [UInt32]? = [0, 0, 0, 0x8100_0010]
  var setup: Setup?

  /// The fields of the setup header that placement reads.
  struct Setup {
    var version: UInt16 = 0x20f
    var alignment: UInt32 = 0x20_0000
    /// XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G.
    var extendedLoadFlags: UInt16 = 3
    var initrdAddressMax: UInt32 = 0x7fff_ffff
    var commandLineSize: UInt32 = 2047
    var preferred: UInt64 = 0x100_0000
    var initSize: UInt32 = 16 << 20

    /// Fields by the offsets of Documentation/arch/x86/boot.rst, "Details of Header Fields".
    func build() -> [UInt8] {
      BzImageBuilder(version: version, protectedMode: [UInt8](repeating: 0, count: 16))
        .patch(0x22c, [UInt8](littleEndian: initrdAddressMax)).patch(0x230, [UInt8](littleEndian: alignment))
        .patch(0x234, [1]).patch(0x236, [UInt8](littleEndian: extendedLoadFlags))
        .patch(0x238, [UInt8](littleEndian: commandLineSize)).patch(0x258, [UInt8](littleEndian: preferred))
        .patch(0x260, [UInt8](littleEndian: initSize)).build()
    }
  }

  /// The unpacked payload: the ELF, and the table behind it.
  var bytes: [UInt8] {
    let link = Self.startKernelMap + linkPhysical
    let elf = ELFBuilder(entry: entry ?? linkPhysical + 0x40)
      .segment(flags: [.read, .execute], virtual: link, physical: linkPhysical, bytes: text)
      .segment(
        flags: [.read, .write], virtual: link + 0x2000, physical: linkPhysical + 0x2000, bytes: data,
        memorySize: span - 0x2000
      ).build()
    return elf + (table ?? []).flatMap { [UInt8](littleEndian: $0) }
  }

  func image() throws -> LinuxImage {
    let bytes = bytes
    let end = UInt64(bytes.count - 4 * (table?.count ?? 0))
    let (elf, relocations) = try bytes.withRawSpan { (span) throws(ParseError) in
      (try ELFFile(parsing: span), try RelocationTable(parsing: span, after: FileOffset(end)))
    }
    var image = LinuxImage(elf: elf, relocations: relocations, unpackedSize: ByteCount(UInt64(bytes.count)))
    guard let setup else { return image }
    let file = setup.build()
    let header = try file.withRawSpan { (span) throws(ParseError) in try BzImage(parsing: span).setup }
    image.setup = header
    image.setupBytes = Array(file[0x1f1..<Int(header.headerRange.endValue)])
    return image
  }

  func plan(_ request: PlanRequest) throws -> LoadPlan {
    try PerchLoader.plan(linux: image(), request: request)
  }

  /// The refusal that this kernel meets, or nil where there is a plan.
  func refusal(_ request: PlanRequest) throws -> PlanError? {
    let image = try image()
    do throws(PlanError) {
      _ = try PerchLoader.plan(linux: image, request: request)
      return nil
    } catch { return error }
  }
}
