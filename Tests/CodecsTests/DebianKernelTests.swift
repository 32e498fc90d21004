import Addresses
import Codecs
import KernelImage
import TestSupport
import Testing

/// The payloads of Debian's kernels, against the tools that unpack the same bytes.
@Suite(.enabled(if: DebianKernel.areExpected, "Debian's kernels are fetched by scripts/fetch-kernel"))
struct DebianKernelTests {
  /// What a kernel is, and where its parts are by the arithmetic of boot.rst.
  private struct Subject {
    let workshop: Workshop
    let image: [UInt8]
    let realMode: Int
    let payload: Range<Int>

    init(_ kernel: DebianKernel) throws {
      workshop = try Workshop()
      let file = try MappedFile(path: kernel.path)
      let image = file.withBytes { span in unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } }
      func word(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(image[offset + $1]) << ($1 * 8) } }
      self.image = image
      // setup_sects, payload_offset and payload_length.
      realMode = (Int(image[0x1F1]) + 1) * 512
      payload = realMode + word(0x248)..<realMode + word(0x248) + word(0x24C)
    }

    func part(_ part: ImagePart) throws -> [UInt8] {
      // SAFETY: bytes are bytes; the array outlives the call.
      try unsafe part.extract(from: image.span.bytes) { span in
        unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
      }
    }

    /// What the format's own tool makes of the payload without its appended size word.
    func unpackedByTool(_ kernel: DebianKernel) throws -> [UInt8] {
      try workshop.pipe(Array(image[payload].dropLast(4)), through: kernel == .cloud ? "lz4 -dc" : "xz -dc")
    }
  }

  @Test(arguments: DebianKernel.x86) func payloadIsWhatTheToolUnpacks(kernel: DebianKernel) throws {
    let subject = try Subject(kernel)
    let expected = try subject.unpackedByTool(kernel)
    #expect(Array(subject.image[subject.payload].suffix(4)) == sizeWord(expected.count))
    // SAFETY: bytes are bytes; the array outlives the calls.
    let bzImage = try unsafe BzImage(parsing: subject.image.span.bytes)
    let unpacked = try unsafe bzImage.unpackPayload(of: subject.image.span.bytes)
    #expect(unpacked.withBytes { span in unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } } == expected)
    #expect(Int(unpacked.inputConsumed.value) == subject.payload.count - 4)
    // Without the declared size the same bytes come out.
    let codec: PayloadCodec = kernel == .cloud ? .lz4Legacy : .xz
    #expect(try unpack(Array(subject.image[subject.payload]), codec) == expected)
  }

  @Test(arguments: DebianKernel.x86) func partsAddUp(kernel: DebianKernel) throws {
    let subject = try Subject(kernel)
    #expect(try subject.part(.setup) == Array(subject.image[..<subject.realMode]))
    #expect(try subject.part(.payload) == Array(subject.image[subject.payload]))
    let (vmlinux, relocs) = (try subject.part(.vmlinux), try subject.part(.relocs))
    #expect(try vmlinux + relocs == subject.unpackedByTool(kernel))
    // The table starts with the zero word of its first list; a section header table does not end with eight zeros.
    #expect(Array(relocs.prefix(4)) == [0, 0, 0, 0])
    try subject.workshop.folder.write(vmlinux, to: "vmlinux")
    // readelf: "Start of section headers: N (bytes into file)", "Number of section headers: M", 64 bytes each: the
    // table is the last thing in the file.
    try subject.workshop.run(
      """
      set -- $(readelf -hW vmlinux | sed -n 's/.*Start of section headers: *\\([0-9]*\\).*/\\1/p; \
      s/.*Number of section headers: *\\([0-9]*\\).*/\\1/p')
      test $(($1 + $2 * 64)) -eq \(vmlinux.count)
      """)
  }

  @Test func elfFileHasNoPayload() throws {
    let subject = try Subject(.cloud)
    let vmlinux = try subject.part(.vmlinux)
    for part in [ImagePart.setup, .payload, .relocs] {
      // SAFETY: bytes are bytes; the array outlives the call.
      let error = #expect(throws: ExtractionError.self) {
        try unsafe part.extract(from: vmlinux.span.bytes) { _ in }
      }
      guard case .missing(part, _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  @Test(arguments: DebianKernel.x86) func brokenPayloadIsRefused(kernel: DebianKernel) throws {
    let subject = try Subject(kernel)
    for declared in [0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF] {
      var image = subject.image
      image.replaceSubrange(subject.payload.upperBound - 4..<subject.payload.upperBound, with: sizeWord(declared))
      // SAFETY: bytes are bytes; the array outlives the calls.
      let bzImage = try unsafe BzImage(parsing: image.span.bytes)
      let error = #expect(throws: CodecError.self) { try unsafe bzImage.unpackPayload(of: image.span.bytes) }
      // The default cap is 1 GiB, 0x4000_0000.
      #expect(error?.code == (declared > 0x4000_0000 ? .overCap : .sizeMismatch))
    }
  }
}
