import TestSupport
import Testing

/// EFI zboot files and the loaders: the rules of the kernel's documentation count for what is inside, everybody else gets
/// the file (QEMU 7.2 knows gzip and U-Boot's format, hw/arm/boot.c; Firecracker nothing).
@Suite struct ZbootLoaderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// 4 KiB that claim 1 MiB, at 0x80000 from a base.
  private static let image: [UInt8] =
    [UInt8](repeating: 0, count: 8) + UInt64(0x8_0000).bytes + UInt64(0x10_0000).bytes + UInt64(0xa).bytes
    + [UInt8](repeating: 0, count: 24) + UInt32(0x644d_5241).bytes + [UInt8](repeating: 0, count: 4096 - 60)

  /// MZ, zimg, offset and size of the payload; its unpacked size follows where the codec does not say it
  /// (drivers/firmware/efi/libstub/zboot-header.S).
  private func zboot(_ codec: String) throws -> String {
    try folder.write(Self.image, to: "Image")
    try folder.shell(codec == "gzip" ? "gzip -nc Image > packed" : "zstd -qc Image > packed")
    let script = """
      size=$(stat -c %s packed)
      word() { printf "\\\\x$(printf %02x $(($1 & 255)))\\\\x$(printf %02x $(($1 >> 8 & 255)))\\\\x00\\\\x00"; }
      { printf 'MZ\\0\\0zimg'; word 64; word $size; head -c 40 /dev/zero
        printf '\\xcd\\x23\\x82\\x81\\0\\0\\0\\0'; cat packed
        [ "$1" = gzip ] || word 4096; } > "$1.efi"
      """
    try folder.shell(script, codec)
    return folder.path("\(codec).efi")
  }

  @Test(arguments: ["gzip", "zstd"]) func whoUnpacks(codec: String) throws {
    let path = try zboot(codec)
    let plan = try PerchTool.run(["plan", "--loader", "arm64-image", path, "--format", "json"])
    #expect(plan.status == 0, "\(plan.errors)")
    let json = try JSONDocument(parsing: plan.output)
    // QEMU's virt has its memory at 0x40000000.
    #expect(json["result"]["entry"]["address"].string == "0x40080000")
    let check = try PerchTool.run(["check", path, "--loader", "qemu-aarch64,firecracker-aarch64"])
    #expect(check.status == 1)
    #expect(check.output.contains("invalid Image magic number"), "\(check.output)")
    // 0x40080000, QEMU's place for a file without the magic: the zboot file itself, as an Image would lie there too.
    let qemu = try PerchTool.run(["plan", "--loader", "qemu-aarch64", path, "--format", "json"])
    let pieces = try JSONDocument(parsing: qemu.output)["result"]["pieces"].elements
    let size = try #require(pieces.first { $0["owner"].string == "image" })["file"]["size"]
    #expect(size != json["result"]["pieces"].elements.first?["file"]["size"])
  }
}
