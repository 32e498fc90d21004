import AddressSpace
import Addresses
import BootProtocols
import Testing

/// What boot loaders left in the memory of machines of 128 MiB, dumped once a kernel ran.
@Suite struct RecordedBootInformationTests {
  /// The bytes that hexadecimal digits spell.
  private func bytes(_ digits: String) -> [UInt8] {
    let values = digits.compactMap(\.hexDigitValue)
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
  }

  /// 640 KiB but the EBDA's one; from 1 MiB on all of 128 MiB but the last 128 KiB, which SeaBIOS keeps for ACPI:
  /// 0x8000000 - 0x100000 - 0x20000.
  private let usable = [range(0, 0x9_fc00), range(0x10_0000, 0x7ee_0000)]

  /// GRUB 2.06 of Debian 12: `multiboot2 /k seed=7 -- "two words"`, then two modules of 6 and 0 bytes, the first with
  /// "kernel.elf a=b". The kernel found 0x36d76289 in EAX and 0x100018 in EBX; its relocatable tag asks for the lowest
  /// place from 2 MiB on.
  @Test func grub() throws {
    let structure = bytes(
      """
      9002000000000000150000000c00000000002000d0ffed07010000001e000000736565643d37202d2d202274776f20776f72\
      64732200ffd0020000001d0000004752554220322e30362d31332b6465623132753200c1ea040a0000001c000000020100f0\
      98d1000000f000f00300f0fff0fff0ffc166a141030000001f00000000101000061010006b65726e656c2e656c6620613d62\
      00900300000011000000000000000000000000a3f3900000668b06000000b800000018000000000000000000000000000000\
      00fc090000000000010000000000000000fc0900000000000004000000000000020000000000000000000f00000000000000\
      010000000000020000000000000000001000000000000000ee070000000001000000000000000000fe070000000000000200\
      0000000002000000000000000000fcff000000000000040000000000020000000000000000000000fd000000000000000300\
      0000020000000000000009000000b40000000400000028000000030000000000000000000000000000000000000000000000\
      00000000000000000000000000000000000000000b0000000100000006000000001020000020000012000000000000000000\
      0000010000000000000011000000010000000200000000002000001000003000000000000000000000000800000000000000\
      010000000300000000000000000010001220000015000000000000000000000001000000000000001883f97f040000001000\
      00007f02000080fb0100050000001400000081000000ffffffffffffffff000089c6080000002000000000800b0000000000\
      a00000005000000019000000100200000e0000001c00000052534420505452205b424f4348532000d81afe077de4ff740000\
      000008000000
      """)
    var memory = PiecedMemory()
    memory.put(structure, at: 0x10_0018)
    let information = try Multiboot2Information(at: PhysicalAddress(0x10_0018), in: memory)
    #expect(information.loadBase == PhysicalAddress(0x20_0000))
    // All RAM above 1 MiB but the last 128 KiB.
    #expect(
      information.basicMemory?.lower == .kibibytes(639) && information.basicMemory?.upper == ByteCount(0x7ee_0000))
    let environment = try BootEnvironment(eax: 0x36d7_6289, ebx: 0x10_0018, memory: memory)
    #expect(environment.bootLoaderName == "GRUB 2.06-13+deb12u2")
    // GRUB puts a word with blanks between quotation marks.
    #expect(environment.commandLine == "seed=7 -- \"two words\"")
    #expect(environment.modules.map(\.physical) == [range(0x10_1000, 6), range(0, 0)])
    #expect(environment.modules.map(\.string) == ["kernel.elf a=b", ""])
    #expect(environment.memoryMap.usable == usable)
    #expect(environment.informationRanges == [range(0x10_0018, 656)])
    let rsdp = try #require(environment.rsdp)
    #expect((0..<8).map { memory.loadByte(at: PhysicalAddress(rsdp.value + $0)) } == Array("RSD PTR ".utf8))
    let line = try LoaderCommandLine(parsing: environment.commandLine)
    #expect(line.seed == 7 && line.kernelCommandLine == "\"two words\"")
  }

  /// QEMU 7.2's PVH ROM: `-initrd` of 8 bytes and `-append "seed=7 -- quiet"`. The kernel found 0x21e0 in EBX.
  @Test func qemu() throws {
    var memory = PiecedMemory()
    memory.put(
      bytes(
        """
        000000000000000000fc090000000000010000000000000000fc090000000000000400000000000002000000000000000000\
        0f00000000000000010000000000020000000000000000001000000000000000ee070000000001000000000000000000fe07\
        00000000000002000000000002000000000000000000fcff000000000000040000000000020000000000000000000000fd00\
        000000000000030000000200000000000000
        """), at: 0x5a8)
    memory.put(terminated("seed=7 -- quiet"), at: 0x11c0)
    memory.put(
      bytes(
        """
        0070fd070000000008000000000000000000000000000000000000000000000078c56e33010000000000000001000000c021\
        000000000000c011000000000000d0590f0000000000a8050000000000000700000000000000
        """), at: 0x21c0)
    let environment = try BootEnvironment(eax: 0, ebx: 0x21e0, memory: memory)
    #expect(environment.protocolName == "PVH" && environment.commandLine == "seed=7 -- quiet")
    // Where the monitor showed the file's bytes.
    #expect(environment.modules.map(\.physical) == [range(0x7fd_7000, 8)])
    #expect(environment.modules.map(\.string) == [""])
    #expect(environment.memoryMap.usable == usable)
    #expect(environment.rsdp == PhysicalAddress(0xf_59d0))
    #expect(
      environment.informationRanges == [
        range(0x21e0, 56), range(0x21c0, 32), range(0x11c0, 16), range(0x5a8, 7 * 24),
      ])
  }
}
