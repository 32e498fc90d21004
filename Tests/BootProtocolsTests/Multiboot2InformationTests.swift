import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Testing

/// Multiboot 2 specification 2.0, 3.6: u32 total_size, u32 reserved; tags of u32 type, u32 size from multiples of 8.
private func structure(_ tags: [[UInt8]], end: [UInt8] = words(0, 8)) -> [UInt8] {
  var bytes = words(0, 0)
  for tag in tags + [end] {
    while bytes.count % 8 != 0 { bytes.append(0xcc) }
    bytes += tag
  }
  bytes.replaceSubrange(0..<4, with: words(UInt32(bytes.count)))
  return bytes
}

private func tag(_ type: UInt32, _ content: [UInt8]) -> [UInt8] { words(type, UInt32(8 + content.count)) + content }

private func parse(_ bytes: [UInt8]) throws(ParseError) -> Multiboot2Information {
  try bytes.withRawSpan { span throws(ParseError) in try Multiboot2Information(parsing: span) }
}

private let loadBase = tag(21, words(0x20_0000))
private let line = tag(1, terminated("seed=7 -- quiet"))
private let loader = tag(2, terminated("GRUB 2.06"))
private let kernel = tag(3, words(0x39_0000, 0x39_1234) + terminated("kernel.elf"))
private let empty = tag(3, words(0, 0) + terminated(""))
private let basic = tag(4, words(639, 0x1f_bf80 / 4))
private let map = tag(
  6,
  words(24, 0) + longs(0, 0x9_fc00) + words(1, 0) + longs(0x9_fc00, 0x400) + words(2, 0)
    + longs(0x10_0000, 0x7ee_0000) + words(1, 0) + longs(0x7fe_0000, 0x2_0000) + words(3, 0))
private let framebuffer = tag(8, longs(0xb8000) + words(160, 80, 25, 0x0000_0210))
private let oldRSDP = tag(14, Array("RSD PTR ".utf8) + [UInt8](repeating: 0, count: 12))
private let newRSDP = tag(15, Array("RSD PTR ".utf8) + [UInt8](repeating: 2, count: 28))

@Suite struct Multiboot2InformationTests {
  static let sample = structure([
    loadBase, line, loader, kernel, empty, basic, map, framebuffer, oldRSDP, tag(0x7777, [1, 2, 3]), newRSDP,
  ])

  @Test func everyTag() throws {
    let information = try parse(Self.sample)
    #expect(information.size == ByteCount(UInt64(Self.sample.count)))
    #expect(information.loadBase == PhysicalAddress(0x20_0000))
    #expect(information.commandLine == "seed=7 -- quiet" && information.bootLoaderName == "GRUB 2.06")
    #expect(information.modules.map(\.physical) == [range(0x39_0000, 0x1234), range(0, 0)])
    #expect(information.modules.map(\.string) == ["kernel.elf", ""])
    // mem_lower and mem_upper count KiB.
    #expect(information.basicMemory?.lower == ByteCount(639 * 1024))
    #expect(information.basicMemory?.upper == ByteCount(0x1f_bf80 / 4 * 1024))
    #expect(information.memoryMap?.map(\.kind.rawValue) == [1, 2, 1, 3])
    #expect(
      information.memoryMap?.map(\.range) == [
        range(0, 0x9_fc00), range(0x9_fc00, 0x400), range(0x10_0000, 0x7ee_0000), range(0x7fe_0000, 0x2_0000),
      ])
    // The header and the tags before tag 14, each padded to 8:
    // 8 + loadBase 16 + line 24 + loader 24 + kernel 32 + empty 24 + basic 16 + map 112 + framebuffer 32, and 8 more.
    #expect(information.oldRSDP?.start.value == 8 + 16 + 24 + 24 + 32 + 24 + 16 + 112 + 32 + 8)
    #expect(information.oldRSDP?.count == ByteCount(20))
    // tag 14 takes 28 bytes and 4 of padding, the unknown tag 11 and 5.
    #expect(information.newRSDP?.start.value == 296 + 32 + 16)
  }

  @Test func environment() throws {
    let environment = try BootEnvironment(try parse(Self.sample), at: PhysicalAddress(0x10_0028))
    #expect(environment.protocolName == "Multiboot 2" && environment.bootLoaderName == "GRUB 2.06")
    #expect(environment.commandLine == "seed=7 -- quiet" && environment.modules.count == 2)
    #expect(environment.memoryMap.usable == [range(0, 0x9_fc00), range(0x10_0000, 0x7ee_0000)])
    #expect(environment.informationRanges == [range(0x10_0028, UInt64(Self.sample.count))])
    // ACPI 2.0's copy is the better one; its place is that of `everyTag`.
    #expect(environment.rsdp == PhysicalAddress(0x10_0028 + 344))
    let old = try BootEnvironment(try parse(structure([map, oldRSDP])), at: PhysicalAddress(0x1000))
    #expect(old.rsdp == PhysicalAddress(0x1000 + 8 + 112 + 8) && old.bootLoaderName.isEmpty)
  }

  @Test func readFromMemory() throws {
    var memory = PiecedMemory()
    memory.put(Self.sample, at: 0x10_0028)
    let environment = try BootEnvironment(eax: 0x36d7_6289, ebx: 0x10_0028, memory: memory)
    #expect(environment.modules.first?.string == "kernel.elf")
    // Multiboot 1's magic.
    let error = try #require(throws: ParseError.self) {
      try BootEnvironment(eax: 0x2bad_b002, ebx: 0x10_0028, memory: memory)
    }
    #expect(error.code == .unrecognised && error.found == 0x2bad_b002)
    let short = try #require(throws: ParseError.self) {
      var memory = PiecedMemory()
      memory.put(Array(Self.sample.dropLast()), at: 0x1000)
      return try BootEnvironment(eax: 0x36d7_6289, ebx: 0x1000, memory: memory)
    }
    #expect(short.code == .outsideFile && short.found == 0x1000 + UInt64(Self.sample.count) - 1)
  }

  @Test func withoutMemoryMap() throws {
    for tags in [[line, basic], [tag(6, words(24, 0))]] {
      let information = try parse(structure(tags))
      let error = try #require(throws: ParseError.self) {
        try BootEnvironment(information, at: PhysicalAddress(0x1000))
      }
      #expect(error.field == "memory map")
    }
  }

  /// The specification reserves what it does not name: 0 must not lose to usable memory in the same place.
  @Test func kindZeroIsReserved() throws {
    let both = tag(6, words(24, 0) + longs(0, 0x3000) + words(1, 0) + longs(0x1000, 0x1000) + words(0, 0))
    let environment = try BootEnvironment(try parse(structure([both])), at: PhysicalAddress(0x10_0000))
    #expect(environment.memoryMap.usable == [range(0, 0x1000), range(0x2000, 0x1000)])
  }

  /// Entries may grow; what is behind the 24 bytes is not looked at.
  @Test func largerEntries() throws {
    let entry = longs(0x10_0000, 0x1000) + words(1, 0) + longs(.max)
    let information = try parse(structure([tag(6, words(32, 3) + entry + entry)]))
    #expect(information.memoryMap?.map(\.range) == [range(0x10_0000, 0x1000), range(0x10_0000, 0x1000)])
  }

  @Test(arguments: [
    ("total_size", 0, words(15, 0)),
    ("total_size", 0, words(0x10_0001, 0)),
    // The header alone; a tag behind which nothing is; an end tag whose size is cut off.
    ("end tag", 16, words(16, 0) + words(0x7777, 8)),
    ("end tag", 16, words(20, 0) + words(0x7777, 8) + words(0)),
    ("tag of type 0: size", 12, words(16, 0) + words(0, 0)),
    ("tag of type 30583: size", 12, words(24, 0) + words(0x7777, 7) + words(0, 8)),
    ("tag of type 30583: size", 12, words(24, 0) + words(0x7777, 0xffff_fff8) + words(0, 8)),
    // A tag that is one byte too long.
    ("tag of type 30583: size", 12, words(24, 0) + words(0x7777, 17) + words(0, 8)),
    ("tag type", 32, structure([line, line])), ("tag type", 32, structure([loader, loader])),
    ("tag type", 24, structure([basic, basic])), ("tag type", 120, structure([map, map])),
    ("tag type", 40, structure([oldRSDP, oldRSDP])), ("tag type", 56, structure([newRSDP, newRSDP])),
    ("tag type", 24, structure([loadBase, loadBase])),
    ("command line", 16, structure([tag(1, [])])), ("command line", 16, structure([tag(1, [0x41])])),
    ("boot loader name", 16, structure([tag(2, Array("GRUB".utf8))])),
    ("tag of type 3: size", 12, structure([tag(3, words(0, 0))])),
    ("module 0: string", 24, structure([tag(3, words(0, 0) + [0x41])])),
    ("module 1: mod_end", 52, structure([kernel, tag(3, words(2, 1) + [0])])),
    ("tag of type 4: size", 12, structure([tag(4, words(1))])),
    ("tag of type 6: size", 12, structure([tag(6, words(24))])),
    ("memory map: entry_size", 16, structure([tag(6, words(0, 0))])),
    ("memory map: entry_size", 16, structure([tag(6, words(16, 0) + longs(0, 0))])),
    ("memory map: entry_size", 16, structure([tag(6, words(23, 0) + longs(0, 0, 1))])),
    ("memory map: entry_size", 16, structure([tag(6, words(28, 0) + longs(0, 0, 1) + words(0))])),
    ("memory map: size", 12, structure([tag(6, words(24, 0) + longs(0, 0, 1, 0))])),
    ("memory map entry 0: base_addr", 24, structure([tag(6, words(24, 0) + longs(1 << 56, 0, 1))])),
    ("memory map entry 1: length", 56, structure([tag(6, words(24, 0) + longs(0, 0, 1, 1, 1 << 56, 1))])),
    ("tag of type 14: size", 12, structure([tag(14, [UInt8](repeating: 0, count: 19))])),
    ("tag of type 15: size", 12, structure([tag(15, [UInt8](repeating: 0, count: 35))])),
    ("tag of type 21: size", 12, structure([tag(21, [0, 0, 0])])),
    ("module 64", 8 + 64 * 32, structure([[UInt8]](repeating: kernel, count: 65))),
    (
      "memory map: size", 12,
      structure([tag(6, words(24, 0) + [UInt8](repeating: 0, count: 24 * 1025))])
    ),
  ])
  func errorsNameTheField(field: String, offset: Int, bytes: [UInt8]) throws {
    let error = try #require(throws: ParseError.self) { try parse(bytes) }
    #expect(error.field == field && error.offset.value == UInt64(offset))
  }

  @Test func limitsAreReached() throws {
    #expect(try parse(structure([[UInt8]](repeating: kernel, count: 64))).modules.count == 64)
    let full = tag(6, words(24, 0) + [UInt8](repeating: 0, count: 24 * 1024))
    #expect(try parse(structure([full])).memoryMap?.count == 1024)
    let largest = structure([tag(0x7777, [UInt8](repeating: 0, count: 0x10_0000 - 8 - 8 - 8))])
    #expect(try parse(largest).size == ByteCount(0x10_0000))
  }

  @Test func whatFollowsIsNotLookedAt() throws {
    #expect(try parse(Self.sample + line).commandLine == "seed=7 -- quiet")
    // Behind the end tag, but counted in total_size.
    #expect(try parse(structure([map], end: words(0, 8) + line)).commandLine == nil)
  }

  @Test func everyTruncationIsAnError() {
    for count in 0..<Self.sample.count {
      var bytes = Array(Self.sample[..<count])
      #expect(throws: ParseError.self) { try parse(bytes) }
      // The structure itself says that it is shorter.
      if count >= 4 { bytes.replaceSubrange(0..<4, with: words(UInt32(count))) }
      #expect(throws: ParseError.self) { try parse(bytes) }
    }
  }

  /// Whatever a byte says, the answer is a value or an error, and a value is no larger than the bytes.
  @Test func everyByteMayBeAnything() {
    for offset in Self.sample.indices {
      for value in UInt8.min...UInt8.max {
        var bytes = Self.sample
        bytes[offset] = value
        Self.checkSize(bytes)
      }
    }
  }

  @Test(arguments: 0..<8) func randomTags(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    for _ in 0..<500 {
      let tags = (0..<Int.random(in: 0..<12, using: &dice)).map { _ in
        let type = UInt32.random(in: 0..<24, using: &dice)
        let content = (0..<Int.random(in: 0..<80, using: &dice)).map { _ in UInt8.random(in: 0...24, using: &dice) }
        return words(type, UInt32(Int.random(in: 6..<12, using: &dice) + content.count)) + content
      }
      Self.checkSize(structure(tags))
    }
  }

  private static func checkSize(_ bytes: [UInt8]) {
    guard let information = try? parse(bytes) else { return }
    // A module takes 17 bytes, an entry 24; a byte that is no UTF-8 becomes three.
    let strings = [information.commandLine, information.bootLoaderName] + information.modules.map(\.string)
    let text = strings.reduce(0) { $0 + ($1?.utf8.count ?? 0) }
    let entries = information.memoryMap?.count ?? 0
    if text > 3 * bytes.count || 17 * information.modules.count + 24 * entries > bytes.count {
      Issue.record("larger than \(bytes)")
    }
    _ = try? BootEnvironment(information, at: PhysicalAddress(0x1000))
  }
}
