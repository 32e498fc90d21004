import KernelImage
import TestSupport
import Testing

/// `perch check` and `perch plan --loader`, as a person runs them.
@Suite struct CheckTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A kernel with a Multiboot header (Multiboot 0.6.96, 3.1.1): magic, no flags, and a checksum that makes the sum 0.
  static func multiboot(machine: Machine = .i386, entry: UInt64 = 0x10_000c) -> [UInt8] {
    let magic: UInt32 = 0x1bad_b002
    let header = magic.bytes + UInt32(0).bytes + (0 &- magic).bytes
    return ELFBuilder(class: machine == .i386 ? .bits32 : .bits64, machine: machine, entry: entry)
      .segment(flags: [.read, .execute], virtual: 0x10_0000, bytes: header + [0xeb, 0xfe], memorySize: 0x2000)
      .build()
  }

  @Test func everyLoaderHasItsEntry() throws {
    let result = try PerchTool.run(["check", try TinyKernel.low.path(), "--format", "json"])
    #expect(result.status == 0, "\(result.errors)")
    let json = try JSONDocument(parsing: result.output)
    #expect(try Schemas.load("check-2.0").violations(in: json) == [])
    let loaders = json["result"]["files"][0]["loaders"].elements
    #expect(Set(loaders.compactMap { $0["loader"].string }).count == loaders.count)
    #expect(loaders.contains { $0["loader"] == .string("grub-multiboot") && $0["verdict"] == .string("refuses") })
    // It carries no header of any protocol.
    #expect(loaders.allSatisfy { $0["severity"].string != "error" })
  }

  @Test func aMultibootKernelBoots() throws {
    let path = try folder.write(Self.multiboot(), to: "kernel")
    let result = try PerchTool.run(["check", path, "--loader", "grub-multiboot,qemu-multiboot"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.hasPrefix("2 of 2 loaders boot it. No findings.\n"), "\(result.output)")
  }

  /// QEMU's words are in hw/i386/multiboot.c.
  @Test func aRefusalOfWhoIsAskedForIsAFinding() throws {
    let path = try folder.write(Self.multiboot(machine: .x86_64), to: "kernel")
    for loader in ["all", "qemu-multiboot"] {
      let result = try PerchTool.run(["check", path, "--loader", loader])
      #expect(result.status == 1)
      #expect(result.output.contains("refuses: Cannot load x86-64 image, give a 32bit one."), "\(result.output)")
    }
    #expect(try PerchTool.run(["check", path, "--fail-on", "never"]).status == 0)
  }

  /// A refusal by a loader that nobody asked about is none.
  @Test func aRefusalOfWhoIsNamedIsAFinding() throws {
    let path = try TinyKernel.low.path()
    #expect(try PerchTool.run(["check", path]).status == 0)
    #expect(try PerchTool.run(["check", path, "--loader", "grub-multiboot"]).status == 1)
  }

  /// QEMU takes a Multiboot header before a PVH note (hw/i386/x86.c), so that the note asks for nothing.
  @Test func theFirstHeaderThatQEMUTakesIsAskedFor() throws {
    let magic: UInt32 = 0x1bad_b002
    let header = magic.bytes + UInt32(0).bytes + (0 &- magic).bytes
    func image(_ bytes: [UInt8]) -> [UInt8] {
      ELFBuilder(class: .bits32, machine: .i386, entry: 0x10_000c)
        .segment(flags: [.read, .execute], virtual: 0x10_0000, bytes: bytes)
        .note(owner: "Xen", type: 18, descriptor: UInt32(0x10_000c).bytes).build()
    }
    for (bytes, loader) in [
      (header + [0xeb, 0xfe], "qemu-multiboot"), (Array(repeating: 0x90, count: 14), "qemu-pvh"),
    ] {
      let path = try folder.write(image(bytes), to: "kernel")
      let json = try JSONDocument(parsing: PerchTool.run(["check", path, "--format", "json"]).output)
      let asked = json["result"]["files"][0]["loaders"].elements.filter { $0["addressed"] == .bool(true) }
      #expect(asked.compactMap { $0["loader"].string }.filter { $0.hasPrefix("qemu") } == [loader])
    }
  }

  @Test func aRemarkIsAWarning() throws {
    let path = try folder.write(Self.multiboot(entry: 0x90_0000), to: "kernel")
    let arguments = ["check", path, "--loader", "qemu-multiboot", "--fail-on"]
    let warned = try PerchTool.run(arguments + ["warning"])
    #expect(warned.status == 1)
    #expect(warned.output.contains("boots, but "), "\(warned.output)")
    #expect(try PerchTool.run(arguments + ["error"]).status == 0)
  }

  @Test func aPredictionIsAsTheSchemaSays() throws {
    let path = try folder.write(Self.multiboot(), to: "kernel")
    let arguments = ["plan", path, "--loader", "grub-multiboot"]
    let json = try JSONDocument(parsing: PerchTool.run(arguments + ["--format", "json"]).output)
    #expect(try Schemas.load("prediction-1.0").violations(in: json) == [])
    #expect(json["result"]["entry"]["mode"] == .string("protected32"))
    #expect(json["result"]["entry"]["address"] == .string("0x10000c"))
    let text = try PerchTool.run(arguments).output
    #expect(text.contains("32-bit protected mode"))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
  }

  @Test func aRefusalEndsWithFour() throws {
    let result = try PerchTool.run(["plan", try TinyKernel.low.path(), "--loader", "grub-multiboot"])
    #expect(result.status == 4)
    #expect(result.output.isEmpty)
    #expect(result.errors.hasPrefix("error[K0701]: grub-multiboot refuses: "))
    #expect(result.errors.contains("rule: "))
  }

  @Test func perchIsTheDefaultLoader() throws {
    let path = try TinyKernel.low.path()
    #expect(try PerchTool.run(["plan", path, "--loader", "perch"]).output == PerchTool.run(["plan", path]).output)
  }

  /// Two segments, of which one has p_paddr equal to p_vaddr: nothing says what p_paddr is.
  @Test func anAmbiguousImageIsAFinding() throws {
    let image = ELFBuilder(class: .bits32, machine: .i386, entry: 0x80_0000)
      .segment(flags: [.read, .execute], virtual: 0x80_0000, bytes: [0xeb, 0xfe])
      .segment(flags: [.read, .execute], virtual: 0xfb40_0000, physical: 0x40_0000, bytes: [1])
    let path = try folder.write(image.build(), to: "kernel")
    let check = try PerchTool.run(["check", path, "--loader", "perch", "--fail-on", "warning"])
    #expect(check.status == 1)
    #expect(check.output.contains("p_paddr can be read as physical addresses"), "\(check.output)")
    #expect(check.output.contains("the note PADDR_OFFSET"))
    let plan = try JSONDocument(parsing: PerchTool.run(["plan", path, "--format", "json"]).output)
    #expect(try Schemas.load("prediction-1.0").violations(in: plan) == [])
    #expect(plan["result"]["entry"]["mode"] == .string("protected32"))
    #expect(plan["result"]["remarks"][0]["kind"] == .string("ambiguousReading"))
    for verb in ["boot", "map"] { #expect(try PerchTool.run([verb, path]).status == 4) }
    let wide = ELFBuilder(entry: 0x80_0000)
      .segment(flags: [.read, .execute], virtual: 0x80_0000, bytes: [0xeb, 0xfe])
      .segment(flags: [.read, .execute], virtual: 0xffff_ffff_fb40_0000, physical: 0x40_0000, bytes: [1])
    let other = try folder.write(wide.build(), to: "wide")
    let json = try JSONDocument(parsing: PerchTool.run(["plan", other, "--format", "json"]).output)
    #expect(try Schemas.load("plan-1.0").violations(in: json) == [])
    #expect(json["result"]["remarks"][0]["kind"] == .string("ambiguousReading"))
    let diff = try PerchTool.run(["diff", path, "--loader", "perch", "--loader", "kexec"])
    #expect([0, 1].contains(diff.status), "\(diff.errors)")
  }

  @Test(arguments: [
    ["plan", "x", "--loader", "kexec", "--kaslr", "7"], ["plan", "x", "--loader", "kexec", "--huge-pages"],
    ["plan", "x", "--loader", "lilo"], ["check", "x", "--loader", "kexec,"], ["check", "x", "--loader", "linux"],
    ["check"], ["check", "x", "--fail-on", "note"], ["check", "x", "--memory", "1M"],
  ])
  func wrongCommandLinesEndWithTwo(arguments: [String]) throws {
    let result = try PerchTool.run(arguments)
    #expect(result.status == 2)
    #expect(result.output.isEmpty)
  }

  @Test func whatCannotBeReadOrRecognisedEndsWithThree() throws {
    let text = try folder.write(Array("no kernel at all".utf8), to: "text")
    for path in ["/nonexistent", "/", text] {
      for verb in [["check"], ["plan", "--loader", "kexec"], ["diff", "--loader", "kexec", "--loader", "xen-pv"]] {
        let result = try PerchTool.run(verb + [path])
        #expect(result.status == 3)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains(#/^error\[K0[0-9]{3}\]: /#))
      }
    }
  }

  /// Noise behind the magic number of each format, and a kernel cut short anywhere.
  @Test func noBytesCrashAModel() throws {
    var generator = SeededGenerator(seed: 11)
    let heads: [(Int, [UInt8])] = [
      (0, [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]), (0, [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]), (56, Array("ARM\u{64}".utf8)),
      (0x1fe, [0x55, 0xaa, 0, 0] + Array("HdrS".utf8) + [0x0f, 0x02]), (56, Array("RSC\u{5}".utf8)),
    ]
    var images = (0..<30).map { round in
      var image = (0..<0x4000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let (place, head) = heads[round % heads.count]
      image.replaceSubrange(place..<place + head.count, with: head)
      return image
    }
    let whole = Self.multiboot()
    images += stride(from: 4, to: whole.count, by: whole.count / 30).map { Array(whole.prefix($0)) }
    for image in images {
      let path = try folder.write(image, to: "kernel")
      let result = try PerchTool.run(["check", path], seconds: 20)
      #expect([0, 1, 3].contains(result.status), "\(result.status): \(result.errors) \(image.prefix(64))")
    }
  }

  @Test(.enabled(if: DebianKernel.cloud.isExpected)) func debiansKernelBootsWhereItShould() throws {
    let result = try PerchTool.run(["check", DebianKernel.cloud.path, "--format", "json"])
    #expect(result.status == 0, "\(result.errors)")
    let json = try JSONDocument(parsing: result.output)
    let boots = json["result"]["files"][0]["loaders"].elements.filter { $0["addressed"] == .bool(true) }
    #expect(boots.contains { $0["loader"] == .string("qemu-linux") && $0["verdict"] == .string("boots") })
  }
}
