import Testing

/// The answers were recorded from QEMU 7.2.22, stopped, with tables written for the purpose.
@Suite struct MonitorRangeTests {
  private func range(_ start: UInt64, _ end: UInt64, _ flags: String, physical: UInt64? = nil) -> MonitorRange {
    MonitorRange(start: start, endExclusive: end, physical: physical, flags: Set(flags))
  }

  @Test func twoLevels() throws {
    let answer = """
      0000000010000000-0000000010002000 0000000000002000 -r-\r
      0000000010002000-0000000010003000 0000000000001000 -rw\r
      0000000010003000-0000000010004000 0000000000001000 ur-\r
      0000000010004000-0000000010005000 0000000000001000 urw\r
      00000000fffff000-0000000100000000 0000000000001000 -rw\r\n
      """
    #expect(
      try MonitorRange.x86(answer, virtualAddressBits: 32) == [
        range(0x1000_0000, 0x1000_2000, "r"), range(0x1000_2000, 0x1000_3000, "rw"),
        range(0x1000_3000, 0x1000_4000, "ur"), range(0x1000_4000, 0x1000_5000, "urw"),
        range(0xffff_f000, 0x1_0000_0000, "rw"),
      ])
  }

  /// The runs up to the hole, behind it and up to the end of the address space.
  @Test func fourLevels() throws {
    let answer = """
      00007fffffe00000-ffff800000000000 0000000000200000 -rw\r
      ffff800000001000-ffff800000002000 0000000000001000 -rw\r
      fffffffffffff000-0001000000000000 0000000000001000 -rw\r\n
      """
    #expect(
      try MonitorRange.x86(answer, virtualAddressBits: 48) == [
        range(0x7fff_ffe0_0000, 0x8000_0000_0000, "rw"),
        range(0xffff_8000_0000_1000, 0xffff_8000_0000_2000, "rw"),
        range(0xffff_ffff_ffff_f000, 0, "rw"),
      ])
  }

  @Test func runAcrossTheHoleBecomesTwo() throws {
    let answer = "00007ffffffff000-ffff800000001000 0000000000002000 -rw\r\n"
    #expect(
      try MonitorRange.x86(answer, virtualAddressBits: 48) == [
        range(0x7fff_ffff_f000, 0x8000_0000_0000, "rw"),
        range(0xffff_8000_0000_0000, 0xffff_8000_0000_1000, "rw"),
      ])
  }

  @Test func nothingMapped() throws { #expect(try MonitorRange.x86("", virtualAddressBits: 48).isEmpty) }

  @Test(arguments: [
    "PG disabled\r\n",
    "0000000010000000-0000000010002000 0000000000001000 -r-",  // the size is another
    "0000000010000000-0000000010001000 0000000000001000 -rx",
    "0000000010000000-0000000010001000 0000000000001000 --w",
    "0000000010000000-0000000010001000 0000000000001000",
    "0000000010000000 0000000000001000 -r-",
    "10000000-10001000 1000 -r-",
    "0000000010000000-0000000010000000 0000000000000000 -r-",
    "0000800000000000-0000800000001000 0000000000001000 -r-",  // not canonical
    "fffffffffffff000-0001000000001000 0000000000002000 -r-",
    "+000000010000000-0000000010001000 0000000000001000 -r-",
  ])
  func strangeX86Answer(_ answer: String) {
    #expect(throws: MonitorAnswerError.self) { try MonitorRange.x86(answer, virtualAddressBits: 48) }
  }

  private let heading = """
    vaddr            paddr            size             attr\r
    ---------------- ---------------- ---------------- -------\r\n
    """

  @Test func riscv() throws {
    let answer =
      heading + """
        0000000010000000 0000000082000000 0000000000002000 r----ad\r
        0000000010004000 0000000082000000 0000000000001000 r-xu-ad\r
        0000000010005000 0000000082000000 0000000000001000 rwx-gad\r
        0000000010006000 0000000082000000 0000000000001000 --x--a-\r
        0000003ffffff000 0000000082000000 0000000000001000 rw---ad\r
        ffffffc000000000 0000000082001000 0000000000001000 rw---ad\r
        fffffffffffff000 0000000082000000 0000000000001000 rw---ad\r\n
        """
    #expect(
      try MonitorRange.riscv(answer) == [
        range(0x1000_0000, 0x1000_2000, "rad", physical: 0x8200_0000),
        range(0x1000_4000, 0x1000_5000, "rxuad", physical: 0x8200_0000),
        range(0x1000_5000, 0x1000_6000, "rwxgad", physical: 0x8200_0000),
        range(0x1000_6000, 0x1000_7000, "xa", physical: 0x8200_0000),
        range(0x3f_ffff_f000, 0x40_0000_0000, "rwad", physical: 0x8200_0000),
        range(0xffff_ffc0_0000_0000, 0xffff_ffc0_0000_1000, "rwad", physical: 0x8200_1000),
        range(0xffff_ffff_ffff_f000, 0, "rwad", physical: 0x8200_0000),
      ])
  }

  @Test(arguments: [
    "", "No translation or protection\r\n", "vaddr paddr size attr\r\n",
    "vaddr paddr size attr\r\n----\r\n0000000010000000 0000000082000000 0000000000001000 rwxad",
    "vaddr paddr size attr\r\n----\r\n0000000010000000 0000000082000000 0000000000001000 rwxugda",
    "vaddr paddr size attr\r\n----\r\n0000000010000000 0000000082000000 rwxugad",
    "vaddr paddr size attr\r\n----\r\nfffffffffffff000 0000000082000000 0000000000002000 rwxugad",
  ])
  func strangeRISCVAnswer(_ answer: String) {
    #expect(throws: MonitorAnswerError.self) { try MonitorRange.riscv(answer) }
  }
}
