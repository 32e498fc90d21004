import Addresses

/// Says what a file may be: the most specific kind first, with what speaks for each. Empty when nothing is recognised.
/// Looks at the first 32 KiB and at what headers there lead to; decodes nothing.
public func sniff(_ bytes: RawSpan) -> [Candidate] {
  var found: [Candidate] = []
  func add(_ kind: ImageKind, _ reason: String) { found.append(Candidate(kind: kind, reason: reason)) }
  if bytes.load(UInt32.self, at: 0) == 0x464c_457f { add(.elf, "0x7f \"ELF\" at 0") }
  if let linux = linuxX86Candidate(bytes) { found.append(linux) }
  found += imageHeaderCandidates(bytes)
  found += peCandidates(bytes)
  if let codec = PayloadCodec(magicIn: bytes, at: 0), codec != .none {
    add(.compressed(codec), "the magic number of \(codec.name) at 0")
  }
  if let header = MultibootHeader(version: .two, searching: bytes) {
    add(.multiboot2, "a Multiboot2 header with a right checksum at \(hexadecimal(header.offset.value))")
  }
  if let header = MultibootHeader(version: .one, searching: bytes) {
    add(.multiboot1, "a Multiboot header with a right checksum at \(hexadecimal(header.offset.value))")
  }
  if bytes.load(UInt32.self, at: 0) == 0x5619_0527 { add(.uImage, "0x27051956, big-endian, at 0") }
  if bytes.load(UInt32.self, at: 0) == 0xedfe_0dd0 { add(.deviceTree, "0xd00dfeed, big-endian, at 0") }
  if let program = aOutCandidate(bytes) { found.append(program) }
  return found
}

/// bzImage and zImage by the setup header, and the zImage older than it by its sizes.
private func linuxX86Candidate(_ bytes: RawSpan) -> Candidate? {
  guard bytes.load(UInt16.self, at: 0x1fe) == 0xaa55 else { return nil }
  if bytes.spells("HdrS", at: 0x202), let version = bytes.load(UInt16.self, at: 0x206) {
    let isHigh = (bytes.load(UInt8.self, at: 0x211) ?? 0) & 1 != 0
    return Candidate(
      kind: isHigh && version >= 0x200 ? .bzImage : .zImage,
      reason: "0xaa55 at 0x1fe, \"HdrS\" at 0x202, LOADED_HIGH \(isHigh ? "set" : "clear") at 0x211")
  }
  // Without "HdrS" 0xaa55 marks any boot sector: only sizes that add up to the file's make it a kernel.
  guard let sectors = bytes.load(UInt8.self, at: 0x1f1), let paragraphs = bytes.load(UInt16.self, at: 0x1f4),
    paragraphs > 0
  else { return nil }
  let end = (UInt64(sectors == 0 ? 4 : sectors) + 1) * 512 + UInt64(paragraphs) * 16
  let size = UInt64(bytes.byteCount)
  guard end >= size ? end - size < 16 : size - end < 512 else { return nil }
  return Candidate(kind: .zImage, reason: "0xaa55 at 0x1fe, setup_sects and syssize add up to the file's size")
}

/// The images whose header says what they are at a fixed place: zboot, arm64, RISC-V, ARM.
private func imageHeaderCandidates(_ bytes: RawSpan) -> [Candidate] {
  var found: [Candidate] = []
  if bytes.spells("MZ", at: 0), bytes.spells("zimg", at: 4) {
    found.append(Candidate(kind: .efiZboot, reason: "\"MZ\" at 0, \"zimg\" at 4"))
  }
  if bytes.spells("ARM\u{64}", at: 56) {
    found.append(Candidate(kind: .arm64Image, reason: "\"ARM\\x64\" at 56"))
  }
  if bytes.spells("RSC\u{5}", at: 56) {
    found.append(Candidate(kind: .riscvImage, reason: "\"RSC\\x05\" at 56"))
  } else if bytes.spells("RISCV\0\0\0", at: 48) {
    found.append(Candidate(kind: .riscvImage, reason: "\"RISCV\" at 48"))
  }
  if bytes.load(UInt32.self, at: 0x24) == 0x016f_2818 {
    found.append(Candidate(kind: .armZImage, reason: "0x016f2818 at 0x24"))
  }
  return found
}

private func peCandidates(_ bytes: RawSpan) -> [Candidate] {
  guard let outline = PEOutline(parsing: bytes) else { return [] }
  let place = hexadecimal(outline.headerOffset.value)
  let pe = Candidate(kind: .pe, reason: "\"MZ\" at 0, \"PE\" at \(place), machine \(hexadecimal(outline.machine))")
  guard outline.hasSection(named: ".linux") else { return [pe] }
  return [Candidate(kind: .unifiedKernelImage, reason: "a PE file with a section named .linux"), pe]
}

/// struct exec: a_midmag, a_text, a_data, with sizes that fit the file.
private func aOutCandidate(_ bytes: RawSpan) -> Candidate? {
  guard bytes.holds(32, at: 0), let magic = bytes.load(UInt16.self, at: 0),
    magic == 0o407 || magic == 0o410 || magic == 0o413 || magic == 0o314,
    let text = bytes.load(UInt32.self, at: 4), let data = bytes.load(UInt32.self, at: 8),
    text > 0, UInt64(text) + UInt64(data) <= UInt64(bytes.byteCount)
  else { return nil }
  return Candidate(kind: .aOut, reason: "the magic number 0o\(String(magic, radix: 8)) at 0, sizes that fit the file")
}
