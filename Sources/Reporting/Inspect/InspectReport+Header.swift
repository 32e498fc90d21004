public import KernelImage
import Addresses

extension InspectReport {
  /// The ELF header, as `readelf -h` has it.
  public static func header(of elf: ELFFile) -> Section {
    let header = elf.header
    let entries = [
      Fact("class", "class", .text(header.class == .bits64 ? "ELF64" : "ELF32")),
      Fact("byteOrder", "byte order", .text(header.byteOrder == .little ? "little-endian" : "big-endian")),
      Fact("type", "type", .text(header.type.name)),
      Fact("machine", "machine", .text(header.machine.name)),
      Fact("machineNumber", "", .count(UInt64(header.machine.rawValue)), for: .programs),
      Fact("osABI", "ABI", .noted(.text(header.osABI.name), "version \(header.abiVersion)"), for: .people),
      Fact("osABI", "", .text(header.osABI.name), for: .programs),
      Fact("abiVersion", "", .count(UInt64(header.abiVersion)), for: .programs),
      Fact("entry", "entry", .address(header.entry)),
      Fact("flags", "flags", .address(UInt64(header.flags))),
    ]
    return Section("header", title: "ELF header", .facts(entries + tables(of: header, in: elf)))
  }

  /// Where the two tables lie. Counts are those in effect, extensions resolved.
  private static func tables(of header: FileHeader, in elf: ELFFile) -> [Fact] {
    let sectionNames = elf.sectionNameTable.map { Value.count($0) }
    return [
      Fact("size", "", .count(UInt64(header.headerSize)), for: .programs),
      Fact(
        "programHeaders", "program headers",
        table(header.programHeaderOffset, elf.programHeaders.count, header.programHeaderEntrySize)),
      Fact(
        "sectionHeaders", "section headers",
        table(header.sectionHeaderOffset, elf.sectionHeaders.count, header.sectionHeaderEntrySize)),
      Fact("sectionNameTable", "section names in", .optional(sectionNames)),
    ]
  }

  private static func table(_ offset: UInt64, _ count: Int, _ entrySize: UInt16) -> Value {
    .spelled(
      text: count == 0 ? "none" : "\(Decimal.grouped(UInt64(count))) of \(entrySize) bytes at \(Hex.string(offset))",
      json: .members([
        "offset": .address(offset), "count": .count(UInt64(count)), "entrySize": .count(UInt64(entrySize)),
      ]))
  }
}
