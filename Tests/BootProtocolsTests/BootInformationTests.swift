import AddressSpace
import Addresses
import BootProtocols
import Foundation
import KernelImage
import Testing

@Suite struct BootInformationTests {
  static var sample: BootInformation {
    var information = BootInformation()
    information.memoryMap = [
      .init(range: range(0, 0x9_fc00), kind: .usable), .init(range: range(0x10_0000, 0x7f0_0000), kind: .usable),
    ]
    information.mappings = [
      .init(
        virtual: VirtualRange(uncheckedStart: VirtualAddress(0xffff_8000_0000_0000), count: .kibibytes(16)),
        physical: PhysicalAddress(0x60_0000), access: [.read, .write], name: "stack"),
      .init(
        virtual: VirtualRange(uncheckedStart: VirtualAddress(0xffff_ffff_ffe0_0000), count: .mebibytes(2)),
        physical: PhysicalAddress(0x40_0000), access: [.read, .execute], name: "segment 0"),
    ]
    information.modules = [.init(physical: range(0x80_0000, 0x1234), name: "initrd.img")]
    information.commandLine = "console=ttyS0 größe=1"
    information.seed = 0x0123_4567_89ab_cdef
    information.directMapBase = VirtualAddress(0xffff_8880_0000_0000)
    information.directMapSize = .mebibytes(128)
    information.kernelPhysicalBase = PhysicalAddress(0x40_0000)
    information.kernelVirtualBase = VirtualAddress(0xffff_ffff_ffe0_0000)
    information.kernelSize = ByteCount(0x12_3456)
    information.slide = Slide(-0x20_0000)
    information.stackTop = VirtualAddress(0xffff_8000_0000_4000)
    information.stackGuard = VirtualAddress(0xffff_7fff_ffff_f000)
    information.physicalAddress = PhysicalAddress(0x70_0000)
    return information
  }

  private func parse(_ bytes: [UInt8]) throws(ParseError) -> BootInformation {
    // SAFETY: 1. bytes have no padding, so that every byte of the span is initialised.
    try unsafe BootInformation(parsing: bytes.span.bytes)
  }

  /// The offsets of `Documentation/boot-information.h`.
  @Test func layout() {
    let bytes = Self.sample.bytes
    #expect(Array(bytes[..<8]) == Array("PERCHBI1".utf8))
    #expect(bytes.integer(at: 8, size: 4) == 1)
    // 128 + 2 × 24 + 2 × 32 + 1 × 24 + "console=ttyS0 größe=1" (23 bytes, two letters take two) + "stack"
    // + "segment 0" + "initrd.img", each with its NUL
    let size = 128 + 48 + 64 + 24 + (23 + 1) + 6 + 10 + 11
    #expect(bytes.count == size && bytes.integer(at: 12, size: 4) == UInt64(size))
    #expect(Self.sample.size == ByteCount(UInt64(size)))
    #expect(
      BootInformation.size(forMemoryEntries: 2, mappings: 2, modules: 1, stringBytes: 24 + 6 + 10 + 11)
        == ByteCount(UInt64(size)))
    // {offset, count} of the memory map, mappings, modules, command line
    let tables = (0..<4).map { [bytes.integer(at: 16 + 8 * $0, size: 4), bytes.integer(at: 20 + 8 * $0, size: 4)] }
    #expect(tables == [[128, 2], [176, 2], [240, 1], [264, 23]])
    #expect(bytes.integer(at: 48) == 0x0123_4567_89ab_cdef)
    #expect(bytes.integer(at: 56) == 0xffff_8880_0000_0000)
    #expect(bytes.integer(at: 96) == 0xffff_ffff_ffe0_0000)
    #expect(bytes.integer(at: 120) == 0x70_0000)
    // The second mapping's access (read | execute) and name.
    #expect(bytes.integer(at: 176 + 32 + 24, size: 4) == 5)
    let name = Int(bytes.integer(at: 176 + 32 + 28, size: 4))
    #expect(Array(bytes[name..<(name + 10)]) == Array("segment 0\0".utf8))
    #expect(bytes.last == 0)
  }

  @Test func roundTrip() throws {
    let bytes = Self.sample.bytes
    #expect(try parse(bytes) == Self.sample)
    // Memory behind the structure is not part of it.
    #expect(try parse(bytes + [1, 2, 3]) == Self.sample)
    let empty = BootInformation()
    #expect(empty.bytes.count == 129)
    #expect(try parse(empty.bytes) == empty)
  }

  @Test func stringsEndAtTheirFirstNUL() throws {
    var information = BootInformation()
    information.commandLine = "quiet\0hidden"
    #expect(information.size == ByteCount(128 + 6))
    #expect(try parse(information.bytes).commandLine == "quiet")
  }

  @Test func accessOfIntents() {
    #expect(BootInformation.AccessBits(.read).rawValue == 1)
    #expect(BootInformation.AccessBits(.readWrite).rawValue == 3)
    #expect(BootInformation.AccessBits(.readExecute).rawValue == 5)
    #expect(BootInformation.AccessBits(.readWriteExecute(because: .sharedPage)).rawValue == 7)
  }

  @Test func everyTruncationIsAnError() {
    let bytes = Self.sample.bytes
    for count in 0..<bytes.count {
      do throws(ParseError) {
        _ = try parse(Array(bytes[..<count]))
        Issue.record("\(count) bytes are enough")
      } catch {
        #expect(error.code == .truncated)
      }
    }
  }

  /// Whatever one byte says, the answer is a value or an error, and a value is no larger than the bytes.
  @Test func everyByteMayBeAnything() {
    let bytes = Self.sample.bytes
    for offset in 0..<bytes.count {
      for value in [0, 0xff, bytes[offset] ^ 0xff, bytes[offset] ^ 1] {
        var changed = bytes
        changed[offset] = value
        guard let parsed = try? parse(changed) else { continue }
        // Bytes that are no UTF-8 become three bytes each.
        if parsed.size.value > UInt64(3 * bytes.count) { Issue.record("byte \(offset) = \(value)") }
      }
    }
  }

  @Test func errorsNameTheField() throws {
    func error(_ offset: Int, _ value: UInt64, size: Int = 4) throws -> ParseError {
      var bytes = Self.sample.bytes
      for index in 0..<size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
      return try #require(throws: ParseError.self) { try parse(bytes) }
    }
    let count = try error(20, 0xffff_ffff)
    #expect(count.field == "memory_map_count" && count.code == .outsideFile && count.found == 0xffff_ffff)
    #expect(try error(32, 0xffff_fff0).field == "modules_count")
    #expect(try error(0, 0).field == "magic")
    #expect(try error(8, 2).code == .unsupported)
    #expect(try error(12, 127).field == "size")
    #expect(try error(12, 1 << 20).field == "size")
    #expect(try error(44, 5).field == "command_line_length")
    #expect(try error(72, 1 << 56, size: 8).field == "kernel_physical_base")
    #expect(try error(128 + 8, .max, size: 8).field == "memory_map entry 0: size")
    #expect(try error(176 + 16, .max, size: 8).field == "mappings entry 0: size")
    #expect(try error(176 + 28, 0xffff_ffff).field == "mappings entry 0: name")
    #expect(try error(240 + 16, 0xffff_ffff).field == "modules entry 0: name")
  }

  /// A thousand names that are all the same long string would be 32 MB; the structure has 64 KB.
  @Test func namesCannotMultiply() throws {
    var information = BootInformation()
    information.commandLine = String(repeating: "x", count: 32_000)
    information.mappings = (0..<1000).map {
      .init(
        virtual: VirtualRange(uncheckedStart: VirtualAddress(UInt64($0) << 12), count: .kibibytes(4)),
        physical: PhysicalAddress(0), access: .read, name: "")
    }
    var bytes = information.bytes
    let line = bytes[40..<44]
    for index in 0..<1000 { bytes.replaceSubrange((128 + 32 * index + 28)..<(128 + 32 * index + 32), with: line) }
    let error = try #require(throws: ParseError.self) { try parse(bytes) }
    #expect(error.code == .tooMany)
  }
}

/// The header for C, compiled by a C compiler, reads what Swift wrote.
@Suite struct BootInformationHeaderTests {
  private static let program = """
    #include "boot-information.h"
    #include <inttypes.h>
    #include <stdio.h>
    #include <string.h>
    static unsigned char bytes[4096];
    int main(int count, char **arguments) {
      FILE *file = fopen(arguments[count - 1], "rb");
      if (!file || fread(bytes, 1, sizeof bytes, file) < sizeof(struct perch_boot_information)) return 1;
      struct perch_boot_information info;
      memcpy(&info, bytes, sizeof info);
      if (info.magic != PERCH_BOOT_MAGIC || info.version != PERCH_BOOT_VERSION) return 2;
      for (uint32_t i = 0; i < info.memory_map.count; i++) {
        struct perch_memory entry;
        memcpy(&entry, bytes + info.memory_map.offset + i * sizeof entry, sizeof entry);
        printf("memory %" PRIx64 " %" PRIx64 " %u\\n", entry.start, entry.size, entry.kind);
      }
      for (uint32_t i = 0; i < info.mappings.count; i++) {
        struct perch_mapping entry;
        memcpy(&entry, bytes + info.mappings.offset + i * sizeof entry, sizeof entry);
        printf("mapping %" PRIx64 " %" PRIx64 " %" PRIx64 " %u %s\\n", entry.virtual_address, entry.physical_address,
               entry.size, entry.access, (char *)bytes + entry.name);
      }
      for (uint32_t i = 0; i < info.modules.count; i++) {
        struct perch_module entry;
        memcpy(&entry, bytes + info.modules.offset + i * sizeof entry, sizeof entry);
        printf("module %" PRIx64 " %" PRIx64 " %s\\n", entry.physical_address, entry.size, (char *)bytes + entry.name);
      }
      printf("%.*s\\n", (int)info.command_line.count, (char *)bytes + info.command_line.offset);
      printf("%" PRIx64 " %" PRIx64 " %" PRIx64 "\\n", info.seed, info.direct_map_base, info.direct_map_size);
      printf("%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRId64 "\\n", info.kernel_physical_base, info.kernel_virtual_base,
             info.kernel_size, info.slide);
      printf("%" PRIx64 " %" PRIx64 " %" PRIx64 "\\n", info.stack_top, info.stack_guard, info.physical_address);
      return 0;
    }
    """

  private static let compiler = ["cc", "gcc", "clang"].first { toolPath($0) != nil }

  @Test(.enabled(if: compiler != nil, "no C compiler is installed"))
  func cReadsTheStructure() throws {
    let documentation = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Documentation").standardizedFileURL
    let output = try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("reader.c")
      try Data(Self.program.utf8).write(to: source)
      let data = folder.appendingPathComponent("information")
      try Data(BootInformationTests.sample.bytes).write(to: data)
      let reader = folder.appendingPathComponent("reader").path
      _ = try run(
        try #require(Self.compiler),
        ["-std=c11", "-Wall", "-Wextra", "-Werror", "-I", documentation.path, "-o", reader, source.path])
      let process = try run("env", [reader, data.path])
      return process
    }
    #expect(
      output == """
        memory 0 9fc00 1
        memory 100000 7f00000 1
        mapping ffff800000000000 600000 4000 3 stack
        mapping ffffffffffe00000 400000 200000 5 segment 0
        module 800000 1234 initrd.img
        console=ttyS0 größe=1
        123456789abcdef ffff888000000000 8000000
        400000 ffffffffffe00000 123456 -2097152
        ffff800000004000 ffff7ffffffff000 700000

        """)
  }
}
