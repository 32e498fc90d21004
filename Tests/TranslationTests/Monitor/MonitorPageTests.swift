import Testing

/// The answers were recorded from QEMU 7.2.22, stopped, with tables written for the purpose.
@Suite struct MonitorPageTests {
  private func page(_ virtual: UInt64, _ physical: UInt64, _ flags: String) -> MonitorPage {
    MonitorPage(virtual: virtual, physical: physical, flags: Set(flags))
  }

  @Test func twoLevels() throws {
    let answer = """
      0000000010000000: 0000000002000000 ---------\r
      0000000010001000: 0000000002001000 ---------\r
      0000000010004000: 0000000002000000 -G-DACTUW\r
      0000000030000000: 0000000002000000 --P-----W\r\n
      """
    #expect(
      try MonitorPage.x86(answer) == [
        page(0x1000_0000, 0x200_0000, ""), page(0x1000_1000, 0x200_1000, ""),
        page(0x1000_4000, 0x200_0000, "GDACTUW"), page(0x3000_0000, 0x200_0000, "PW"),
      ])
  }

  @Test func noExecuteOfPAEIsNoAddress() throws {
    let answer = """
      0000000010001000: 8000000002001000 X--------\r
      0000000030200000: 8000000002000000 X-P-----W\r
      0000000080000000: 0000008002000000 -------UW\r\n
      """
    #expect(
      try MonitorPage.x86(answer) == [
        page(0x1000_1000, 0x200_1000, "X"), page(0x3020_0000, 0x200_0000, "XPW"),
        page(0x8000_0000, 0x80_0200_0000, "UW"),
      ])
  }

  @Test func fiveLevels() throws {
    let answer = """
      0000000010001000: 0000000002001000 X--------\r
      0000000080000000: 0000000040000000 X-P----UW\r
      00fffffffffff000: 0000000002000000 X-------W\r
      ff00000000000000: 0000000002000000 --------W\r
      ffffffff80000000: 0000000002000000 -G-------\r\n
      """
    #expect(
      try MonitorPage.x86(answer) == [
        page(0x1000_1000, 0x200_1000, "X"), page(0x8000_0000, 0x4000_0000, "XPUW"),
        page(0x00ff_ffff_ffff_f000, 0x200_0000, "XW"), page(0xff00_0000_0000_0000, 0x200_0000, "W"),
        page(0xffff_ffff_8000_0000, 0x200_0000, "G"),
      ])
  }

  @Test(arguments: [
    "PG disabled\r\n", "unknown command: 'info tlb'\r\n",
    "0000000010000000 0000000002000000 ---------",
    "0000000010000000: 0000000002000000 --------",
    "0000000010000000: 0000000002000000 --------w",
    "0000000010000000: 2000000 ---------",
    "0000000010001000: 8000000002001000 ---------",  // NX in the address and not among the flags
  ])
  func strangeAnswer(_ answer: String) {
    #expect(throws: MonitorAnswerError.self) { try MonitorPage.x86(answer) }
  }

  @Test func translation() throws {
    #expect(try monitorTranslation("gpa: 0x102001234\r\n") == 0x1_0200_1234)
    #expect(try monitorTranslation("gpa: 0x1\r\n") == 1)
    #expect(try monitorTranslation("gpa: 0\r\n") == 0)
    #expect(try monitorTranslation("Unmapped\r\n") == nil)
  }

  @Test(arguments: [
    "", "gpa: \r\n", "gpa: 123\r\n", "gpa: 0x\r\n", "gpa: 0x12 3\r\n", "gpa: 0x-1", "gpa: 0x1\r\n\r\ngpa: 0x2",
  ])
  func strangeTranslation(_ answer: String) {
    #expect(throws: MonitorAnswerError.self) { try monitorTranslation(answer) }
  }
}
