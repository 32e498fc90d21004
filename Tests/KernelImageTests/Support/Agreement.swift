import Addresses
import Foundation
import KernelImage
import Testing

/// One file, parsed by KernelImage and described by readelf.
struct Agreement {
  let bytes: [UInt8]
  let elf: ELFFile
  let readelf: Readelf

  init(bytes: [UInt8], path: String) throws {
    self.bytes = bytes
    elf = try bytes.withRawSpan { raw throws(ParseError) in try ELFFile(parsing: raw) }
    readelf = Readelf(path: path)
  }

  func checkTables() throws {
    try checkHeader()
    try checkSegments()
    try checkSections()
  }

  func checkHeader() throws {
    let theirs = try readelf.header()
    let ours = elf.header
    func starts(_ key: String, _ text: String) { #expect(theirs[key]?.hasPrefix(text) == true, "\(key): \(text)") }
    func leads(_ key: String, _ number: UInt64) {
      #expect(theirs[key]?.split(separator: " ").first.map(String.init) == "\(number)", "\(key)")
    }
    #expect(theirs["Class"] == (ours.class == .bits64 ? "ELF64" : "ELF32"))
    #expect(theirs["Data"] == "2's complement, \(ours.byteOrder == .little ? "little" : "big") endian")
    #expect(theirs["Version"] == "1 (current) / 0x\(String(ours.version, radix: 16))")
    starts("OS/ABI", "UNIX - " + ours.osABI.name)
    leads("ABI Version", UInt64(ours.abiVersion))
    starts("Type", ours.type.name)
    let machines: [Machine: String] = [
      .x86_64: "Advanced Micro Devices X86-64", .i386: "Intel 80386", .aarch64: "AArch64", .powerPC: "PowerPC",
      .s390: "IBM S/390",
    ]
    #expect(theirs["Machine"] == machines[ours.machine])
    #expect(theirs["Entry point address"] == "0x\(String(ours.entry.value, radix: 16))")
    leads("Start of program headers", ours.programHeaderOffset)
    leads("Start of section headers", ours.sectionHeaderOffset)
    #expect(theirs["Flags"]?.hasPrefix("0x\(String(ours.flags, radix: 16))") == true)
    leads("Size of this header", UInt64(ours.headerSize))
    leads("Size of program headers", UInt64(ours.programHeaderEntrySize))
    leads("Number of program headers", UInt64(ours.programHeaderCount))
    leads("Size of section headers", UInt64(ours.sectionHeaderEntrySize))
    leads("Number of section headers", UInt64(ours.sectionHeaderCount))
    leads("Section header string table index", UInt64(ours.sectionNameTableIndex))
  }

  func checkSegments() throws {
    let theirs = try readelf.segments()
    let ours = elf.programHeaders.map { segment in
      Readelf.Segment(
        type: segment.type.name, offset: segment.fileRange.start.value, virtual: segment.virtualAddress.value,
        physical: segment.physicalAddress, fileSize: segment.fileSize.value, memorySize: segment.memorySize.value,
        flags: (segment.flags.contains(.read) ? "R" : "") + (segment.flags.contains(.write) ? "W" : "")
          + (segment.flags.contains(.execute) ? "E" : ""), alignment: segment.alignment)
    }
    #expect(ours.count == theirs.count)
    for (our, their) in zip(ours, theirs) { #expect(our == their) }
  }

  func checkSections() throws {
    let theirs = try readelf.sections()
    let ours = elf.sectionHeaders.map { section in
      Readelf.Section(
        name: bytes.withRawSpan { elf.name(of: section, in: $0) }, type: section.type.name(on: elf.header.machine),
        address: section.address.value,
        offset: section.fileOffset, size: section.size.value, entrySize: section.entrySize,
        flags: section.flags.letters, link: UInt64(section.link), info: UInt64(section.info),
        alignment: section.alignment)
    }
    #expect(ours.count == theirs.count)
    for (our, their) in zip(ours, theirs) { #expect(our == their) }
  }

  func checkNotes() throws {
    // readelf reads the note sections; Perch, like a loader, the note segments, which hold those that take memory.
    let hasSegment = elf.programHeaders.contains { $0.type == .note }
    let unloaded = try readelf.sections().filter { hasSegment && !$0.flags.contains("A") }.map(\.name)
    let theirs = try readelf.notes().filter { $0.section.map { !unloaded.contains($0) } ?? true }
    let ours = try bytes.withRawSpan { raw throws(ParseError) in try elf.notes(in: raw) }
    #expect(ours.count == theirs.count)
    #expect(!ours.isEmpty)
    for (our, their) in zip(ours, theirs) {
      #expect(our.owner == their.owner)
      #expect(our.descriptor.count.value == their.size)
      if let type = their.type { #expect(UInt64(our.type) == type) }
      let descriptor = Array(bytes[Int(our.descriptor.start.value)..<Int(our.descriptor.endValue)])
      if let expected = their.bytes { #expect(descriptor == expected) }
      if let buildID = their.buildID {
        let meaning = bytes.withRawSpan { our.meaning(in: $0) }
        #expect(meaning?.name == "BUILD_ID")
        #expect(meaning?.text == buildID)
      }
    }
  }

  func checkDynamic() throws {
    let theirs = try readelf.dynamic()
    let ours = try bytes.withRawSpan { raw throws(ParseError) in try elf.dynamicEntries(in: raw) }
    #expect(!ours.isEmpty)
    #expect(ours.map(\.tag.rawValue) == theirs.map(\.tag))
    #expect(ours.map(\.tag.name) == theirs.map(\.name))
  }

  func checkRelocationsAndSymbols() throws {
    var ours: [String: UInt64] = [:]
    let sections = try bytes.withRawSpan { raw throws(ParseError) in try elf.relocationSections(in: raw) }
    for section in sections where section.kind != .relr {
      for entry in section.types { ours[entry.type.name(on: elf.header.machine), default: 0] += entry.count }
    }
    let theirs = try readelf.relocations()
    #expect(!theirs.isEmpty)
    #expect(
      ours.reduce(into: [:]) { $0[String($1.key.prefix(17)), default: 0] += $1.value }
        == theirs.reduce(into: [:]) { $0[String($1.key.prefix(17)), default: 0] += $1.value })
    let tables = try readelf.symbols()
    let counted = try bytes.withRawSpan { raw throws(ParseError) in try elf.symbolCounts(in: raw) }
    #expect(counted.count == tables.count)
    for table in counted {
      let name = bytes.withRawSpan { elf.name(of: elf.sectionHeaders[table.section], in: $0) }
      #expect(
        tables[name]
          == Readelf.Symbols(
            total: table.total, definedFunctions: table.definedFunctions, definedObjects: table.definedObjects,
            undefined: table.undefined, definedGlobals: table.definedGlobals, definedWeaks: table.definedWeaks))
    }
  }
}
