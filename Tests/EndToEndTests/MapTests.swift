import TestSupport
import Testing

/// `perch map`: what the bytes of a plan's tables say, beside what the plan asked for.
@Suite struct MapTests {
  static let places: [(TinyKernel, [String])] = [
    (.higherHalf, []), (.higherHalf, ["--physical", "0x390000"]), (.linuxLink, ["--memory", "4G", "--huge-pages"]),
    (.upperHalf, []), (.low, []), (.oneSegment, ["--physical", "any"]), (.pieRELA, ["--kaslr", "7"]), (.pieRELR, []),
  ]

  @Test(arguments: places) func rowsAreThePlansMappings(kernel: TinyKernel, options: [String]) throws {
    let path = try kernel.path()
    let run = try PerchTool.run(["map", path, "--format", "json"] + options)
    #expect(run.status == 0, "\(run.errors)")
    let json = try JSONDocument(parsing: run.output)
    #expect(try Schemas.load("map-1.0").violations(in: json) == [])
    let plan = try JSONDocument(parsing: PerchTool.run(["plan", path, "--format", "json"] + options).output)
    let rows = json["result"]["mappings"].elements
    for mapping in plan["result"]["mappings"].elements {
      let start = try #require(mapping["virtual"]["start"].address)
      let size = try #require(mapping["virtual"]["size"].number)
      let own = rows.filter { row in
        row["virtual"]["start"].address.map { $0 >= start && Double($0 - start) < size } ?? false
      }
      #expect(own.allSatisfy { $0["owner"] == mapping["name"] })
      #expect(own.first?["virtual"]["start"] == mapping["virtual"]["start"])
      #expect(own.last?["virtual"]["end"] == mapping["virtual"]["end"])
      #expect(own.allSatisfy { $0["supervisor"] == mapping["access"] && $0["user"] == .string("---") })
      for (size, bytes) in ["4KiB": 0x1000, "2MiB": 0x20_0000, "1GiB": 0x4000_0000] as [String: Double] {
        let pages = own.filter { $0["pageSize"].number == bytes }.reduce(0) { $0 + ($1["pageCount"].number ?? 0) }
        #expect(pages == mapping["pages"][size].number, "\(mapping["name"]): \(size)")
      }
    }
    #expect(json["result"]["tables"]["tables"] == plan["result"]["pageTables"]["frames"])
    #expect(json["result"]["tables"]["root"] == plan["result"]["entry"]["cr3"])
  }

  @Test func textNamesOwnersAndWhatIsWritableAndExecutable() throws {
    let run = try PerchTool.run(["map", try TinyKernel.oneSegment.path(), "--physical", "any"])
    #expect(run.status == 0)
    // One segment with flags rwx, and nothing else of that kind.
    #expect(run.output.contains(/rwx +WB +W\+X +segment 0/))
    #expect(run.output.contains("* segment 0 is writable and executable: the image's own segment flags"))
  }

  @Test(arguments: [(["--physical", "0x1"], 4), (["--memory", "1M"], 2)] as [([String], Int32)])
  func withoutAPlanThereIsNoMap(options: [String], status: Int32) throws {
    let run = try PerchTool.run(["map", try TinyKernel.higherHalf.path()] + options)
    #expect(run.status == status)
    #expect(run.output.isEmpty)
  }
}
