import Addresses
import KernelImage
import TestSupport
import Testing

/// Notes are found where the gABI puts them, and mean what xen/include/public/elfnote.h and elf.h say.
@Suite("Notes")
struct NoteTests {
  private func notes(_ bytes: [UInt8]) throws(ParseError) -> [(note: Note, meaning: NoteMeaning?)] {
    try bytes.withRawSpan { raw throws(ParseError) in
      let notes = try ELFFile(parsing: raw).notes(in: raw)
      var pairs: [(note: Note, meaning: NoteMeaning?)] = []
      for note in notes { pairs.append((note, note.meaning(in: raw))) }
      return pairs
    }
  }

  private func word(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  @Test(
    arguments: [
      (0, "INFO", "hello\0", .text("hello")), (5, "XEN_VERSION", "xen-3.0\0", .text("xen-3.0")),
      (6, "GUEST_OS", "linux\0", .text("linux")), (7, "GUEST_VERSION", "2.6\0", .text("2.6")),
      (8, "LOADER", "generic\0", .text("generic")), (9, "PAE_MODE", "yes\0", .text("yes")),
      (10, "FEATURES", "!writable_page_tables|dom0", .text("!writable_page_tables|dom0")),
      (11, "BSD_SYMTAB", "yes\0", .text("yes")),
    ] as [(UInt32, String, String, NoteMeaning.Value)])
  func xenTexts(type: UInt32, name: String, text: String, value: NoteMeaning.Value) throws {
    let found = try notes(ELFBuilder().note(owner: "Xen", type: type, descriptor: Array(text.utf8)).build())
    #expect(found.count == 1)
    #expect(found[0].meaning == NoteMeaning(name: name, value: value))
  }

  @Test(
    arguments: [
      (1, "ENTRY"), (2, "HYPERCALL_PAGE"), (3, "VIRT_BASE"), (4, "PADDR_OFFSET"), (12, "HV_START_LOW"),
      (14, "SUSPEND_CANCEL"), (15, "INIT_P2M"), (16, "MOD_START_PFN"), (18, "PHYS32_ENTRY"),
    ] as [(UInt32, String)])
  func xenNumbers(type: UInt32, name: String) throws {
    for width in [1, 2, 4, 8] {
      let value = UInt64(0xffff_ffff_8304_e1c0) & (UInt64.max >> UInt64(64 - width * 8))
      let found = try notes(ELFBuilder().note(owner: "Xen", type: type, descriptor: word(value, width)).build())
      #expect(found[0].meaning == NoteMeaning(name: name, value: .number(value)))
    }
    let odd = try notes(ELFBuilder().note(owner: "Xen", type: type, descriptor: [1, 2, 3]).build())
    #expect(odd[0].meaning == NoteMeaning(name: name, value: .undecoded))
  }

  @Test func xenLists() throws {
    let found = try notes(
      ELFBuilder()
        .note(owner: "Xen", type: 13, descriptor: word(1, 8) + word(1, 8))
        .note(owner: "Xen", type: 13, descriptor: word(1, 4) + word(3, 4))
        .note(owner: "Xen", type: 17, descriptor: word(0x8801, 4))
        .note(owner: "Xen", type: 19, descriptor: word(0x20_0000, 4) + word(0x100_0000, 4) + word(0x3fff_ffff, 4))
        .note(owner: "Xen", type: 19, descriptor: word(0x20_0000, 4))
        .note(owner: "Xen", type: 20, descriptor: [])
        .build())
    #expect(found[0].meaning == NoteMeaning(name: "L1_MFN_VALID", value: .words([1, 1])))
    #expect(found[1].meaning == NoteMeaning(name: "L1_MFN_VALID", value: .words([1, 3])))
    #expect(found[2].meaning == NoteMeaning(name: "SUPPORTED_FEATURES", value: .words([0x8801])))
    let reloc = NoteMeaning.Value.relocatable(alignment: 0x20_0000, minimum: 0x100_0000, maximum: 0x3fff_ffff)
    #expect(found[3].meaning == NoteMeaning(name: "PHYS32_RELOC", value: reloc))
    #expect(found[3].meaning?.text == "alignment 0x200000, minimum 0x1000000, maximum 0x3fffffff")
    let short = NoteMeaning.Value.relocatable(alignment: 0x20_0000, minimum: nil, maximum: nil)
    #expect(found[4].meaning == NoteMeaning(name: "PHYS32_RELOC", value: short))
    #expect(found[5].meaning == nil)
  }

  @Test func gnuAndLinux() throws {
    let found = try notes(
      ELFBuilder()
        .note(owner: "GNU", type: 1, descriptor: word(0, 4) + word(3, 4) + word(2, 4) + word(1, 4))
        .note(owner: "GNU", type: 3, descriptor: [0x0a, 0xbc, 0xff])
        .note(owner: "Linux", type: 0x100, descriptor: Array("6.1.0-13-amd64\0".utf8))
        .note(owner: "GNU\u{1}", type: 3, descriptor: [])
        .build())
    #expect(found[0].meaning?.text == "Linux 3.2.1")
    #expect(found[1].meaning?.text == "0abcff")
    #expect(found[2].meaning == NoteMeaning(name: "BUILD_SALT", value: .text("6.1.0-13-amd64")))
    #expect(found[3].meaning == nil)
  }

  @Test func sectionsAreReadWhenThereIsNoSegment() throws {
    let note = ELFBuilder().noteBytes(owner: "Xen", type: 6, descriptor: Array("linux\0".utf8))
    let inSection = ELFBuilder().section(".notes", type: .note, bytes: note, alignment: 4)
    let found = try notes(inSection.build())
    #expect(found.count == 1)
    #expect(found[0].note.container == .section(1))
    let both = try notes(inSection.note(owner: "GNU", type: 3, descriptor: [1]).build())
    #expect(both.map(\.note.owner) == ["GNU"])
  }

  /// gABI: with an alignment of 8 the descriptor starts at a multiple of 8. "Longer" and NUL are 7 bytes: 12 + 7 rounds
  /// up to 24 under 8, but to 20 under 4.
  @Test(arguments: [(UInt64(4), UInt64(20)), (8, 24)])
  func alignment(alignment: UInt64, descriptorOffset: UInt64) throws {
    let bytes = [1, 2].flatMap {
      ELFBuilder().noteBytes(owner: "Longer", type: $0, descriptor: [9, 9, 9, 9, 9], alignment: Int(alignment))
    }
    let found = try notes(ELFBuilder().segment(type: .note, bytes: bytes, alignment: alignment).build())
    #expect(found.map(\.note.type) == [1, 2])
    for (note, _) in found {
      #expect(note.descriptor.start.value - note.headerOffset.value == descriptorOffset)
      #expect(note.descriptor.count.value == 5)
    }
  }

  @Test(arguments: [(0, "n_namesz"), (4, "n_descsz")])
  func reachingOutIsAnError(offset: Int, field: String) throws {
    var bytes = ELFBuilder().note(owner: "Xen", type: 6, descriptor: [1, 2, 3, 4]).build()
    // One program header: the note stands at 64 + 56.
    bytes.replaceSubrange(120 + offset..<120 + offset + 4, with: [0xff, 0xff, 0xff, 0xff])
    #expect(throws: ParseError.self) { try notes(bytes) }
    do { _ = try notes(bytes) } catch { #expect(error.field == "note at 0x78: \(field)") }
  }

  @Test func paddingBehindTheLastNote() throws {
    let note = ELFBuilder().noteBytes(owner: "Xen", type: 6, descriptor: [1])
    // The descriptor's own padding cut off, and zeros too few for another header.
    for bytes in [Array(note.dropLast(3)), note + [0, 0, 0, 0]] {
      #expect(try notes(ELFBuilder().segment(type: .note, bytes: bytes, alignment: 4).build()).count == 1)
    }
    #expect(throws: ParseError.self) {
      try notes(ELFBuilder().segment(type: .note, bytes: note + [0, 1], alignment: 4).build())
    }
  }

  @Test func tooMany() throws {
    // 12 zero bytes are a note without name and descriptor.
    let most = ELFBuilder().segment(type: .note, bytes: Array(repeating: 0, count: 12 * 65_536), alignment: 4)
    #expect(try notes(most.build()).count == 65_536)
    let more = ELFBuilder().segment(type: .note, bytes: Array(repeating: 0, count: 12 * 65_537), alignment: 4)
    do {
      _ = try notes(more.build())
      Issue.record("65,537 notes were read")
    } catch { #expect(error.code == .tooMany) }
  }

  @Test func xenGuestSection() throws {
    let text = "GUEST_OS=linux,VIRT_BASE=0xc0000000"
    let bytes = ELFBuilder().section("__xen_guest", bytes: Array(text.utf8) + [0, 65]).build()
    bytes.withRawSpan { raw in
      let elf = try? ELFFile(parsing: raw)
      #expect(elf?.xenGuestText(in: raw) == text)
    }
    ELFBuilder().section("other", bytes: [65]).build().withRawSpan { raw in
      let elf = try? ELFFile(parsing: raw)
      #expect(elf != nil)
      #expect(elf?.xenGuestText(in: raw) == nil)
    }
  }
}
