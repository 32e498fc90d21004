import Reporting
import Testing

@Suite struct NumberTextTests {
  @Test(
    arguments: [
      (0, "0 B"), (1, "1 B"), (1023, "1023 B"), (1024, "1 KiB"),
      // 1025 / 1024 = 1.001: not exact, so the decimal shows.
      (1025, "1.0 KiB"), (1536, "1.5 KiB"), (4096, "4 KiB"),
      // 46,242,201 / 1,048,576 = 44.1000...
      (46_242_201, "44.1 MiB"),
      // 1 MiB - 1 rounds up to 1024.0 KiB, which is 1.0 MiB.
      (1_048_575, "1.0 MiB"), (1 << 30, "1 GiB"), (1 << 60, "1 EiB"),
      // 2⁶⁴ - 1 is just below 16 EiB.
      (UInt64.max, "16.0 EiB"),
    ] as [(UInt64, String)])
  func humanSizes(bytes: UInt64, text: String) {
    #expect(Size.human(bytes) == text)
  }

  @Test func grouping() {
    #expect(Decimal.grouped(0) == "0")
    #expect(Decimal.grouped(999) == "999")
    #expect(Decimal.grouped(1000) == "1,000")
    #expect(Decimal.grouped(202_917) == "202,917")
    #expect(Decimal.grouped(.max) == "18,446,744,073,709,551,615")
  }

  /// Expected values by `python3 -c "import math; print(round(math.log2(n) * 100))"`.
  @Test(
    arguments: [
      (0, 0), (1, 0), (2, 100), (3, 158), (5, 232), (10, 332), (488, 893), (504, 898), (512, 900), (1000, 997),
      (1_000_003, 1993), (UInt64.max, 6400),
    ] as [(UInt64, Int64)])
  func logarithms(count: UInt64, hundredths: Int64) {
    #expect(Decimal.log2Hundredths(count) == hundredths)
  }

  @Test func hexadecimals() {
    #expect(Hex.string(0xABC) == "0xabc")
    #expect(Hex.digits(0xa, width: 4) == "000a")
    #expect(Hex.signed(0) == "0x0")
    #expect(Hex.signed(0x1c00_0000) == "+0x1c000000")
    #expect(Hex.signed(.min) == "-0x8000000000000000")
    #expect(Hex.end(start: 0xffff_ffff_ffff_f000, count: 0x1000) == "0x10000000000000000")
    #expect(Hex.end(start: 0, count: 0) == "0x0")
    #expect(Hex.bytes([0x00, 0xfe, 0x10]) == "00fe10")
  }
}
