import AddressSpace
import Addresses
import PageTables
import Placement
import Reporting
import TestSupport
import Testing

/// A plan's tables against its intents, where they agree and where a defect makes them differ.
@Suite struct MapReportTests {
  /// The synthetic plan, whose tables are zeros, with real ones.
  func plan() throws -> LoadPlan {
    var plan = try SyntheticPlan.make()
    plan.blobs[0].bytes = PageTableImage(building: plan.addressSpace, at: try #require(plan.longMode).cr3).bytes
    return plan
  }

  @Test func tablesThatAreWhatWasAskedFor() throws {
    let report = try #require(MapReport(try plan()))
    #expect(report.disagreements == [])
    let text = report.document.text(style: .plain)
    // "shifted" is 4 MiB that 2 MiB pages cannot map; the kernel's segments are two and one.
    #expect(text.contains(/0x1000-0x2000 .* 1 × 4 KiB +rwx +WB +W\+X +trampoline/))
    #expect(text.contains(/0xffff888000000000-0xffff888000400000 .* 1,024 × 4 KiB +rw- +WB +shifted/))
    #expect(text.contains(/0xffffffff81200000-0xffffffff81600000 .* 2 × 2 MiB +r-x +WB +segment 0/))
    #expect(text.contains(/0xffffffff81600000-0xffffffff81800000 .* 1 × 2 MiB +rw- +WB +segment 1/))
  }

  @Test func tablesOfZerosMapNothingOfFour() throws {
    let report = try #require(MapReport(try SyntheticPlan.make()))
    #expect(report.disagreements.count == 4)
    #expect(report.disagreements.contains("segment 0: 0x0 of 0x400000 bytes are mapped as asked"))
  }

  @Test func anAlteredEntryIsNamed() throws {
    var plan = try plan()
    // The only 2 MiB page without NX that is not writable is the first of segment 0; bit 1 makes it writable.
    let index = try #require(
      stride(from: 0, to: plan.blobs[0].bytes.count, by: 8).first { plan.entry(at: $0) & 0x8000_0000_0000_0083 == 0x81 }
    )
    plan.blobs[0].bytes[index] |= 2
    let report = try #require(MapReport(plan))
    #expect(
      report.disagreements == [
        "0xffffffff81200000-0xffffffff81400000 (segment 0): rights rwx, asked for r-x",
        "segment 0: 0x200000 of 0x400000 bytes are mapped as asked",
      ])
    let json = try JSONDocument(
      parsing: report.document.json(input: Input(path: "kernel", size: 1), tool: "perch 0").text)
    #expect(try Schemas.load("map-1.0").violations(in: json) == [])
    #expect(json["result"]["disagreements"].elements.count == 2)
  }

  @Test func anEntryTooManyIsNamed() throws {
    var plan = try plan()
    // Entry 1 of the PML4 becomes the table of entry 0, in which 0x1000 alone is mapped: the same page appears at 2³⁹.
    for byte in 0..<8 { plan.blobs[0].bytes[8 + byte] = plan.blobs[0].bytes[byte] }
    let report = try #require(MapReport(plan))
    #expect(report.disagreements == ["0x8000001000-0x8000002000 is mapped, and nobody asked for it"])
    #expect(report.document.text(style: .plain).contains(/0x8000001000-0x8000002000 .* W\+X +-/))
  }

  @Test func aPlanWhoseRootIsNowhereHasNoMap() throws {
    var plan = try plan()
    plan.longMode?.cr3 = PhysicalAddress(0x4000)
    #expect(MapReport(plan) == nil)
  }
}

extension LoadPlan {
  /// The little-endian word of the page tables at an offset.
  fileprivate func entry(at offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(blobs[0].bytes[offset + $1]) << UInt64(8 * $1) }
  }
}
