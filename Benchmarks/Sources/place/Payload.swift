import Glibc
import Perch
import Timing

/// The unpacked payload of a bzImage: `vmlinux` and the relocation table behind it, as the decompressor leaves them.
struct Payload {
  let bytes: UnsafeRawBufferPointer
  let image: LinuxImage

  /// Reads both parts; the bytes stay for as long as the process runs.
  init(vmlinux: String, relocations: String) throws {
    let parts = try [readFile(vmlinux), readFile(relocations)]
    let all = UnsafeMutableRawBufferPointer.allocate(byteCount: parts[0].count + parts[1].count, alignment: 4096)
    all.copyBytes(from: parts[0])
    UnsafeMutableRawBufferPointer(rebasing: all[parts[0].count...]).copyBytes(from: parts[1])
    bytes = UnsafeRawBufferPointer(all)
    let elf = try ELFFile(parsing: bytes.bytes)
    image = LinuxImage(
      elf: elf, relocations: try RelocationTable(parsing: bytes.bytes, of: elf),
      unpackedSize: ByteCount(UInt64(bytes.count)))
  }
}

/// Memory whose pages are all there, so that no page fault is measured.
func preparedMemory(_ count: ByteCount) -> UnsafeMutableRawBufferPointer {
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(count.value), alignment: 1 << 21)
  memory.initializeMemory(as: UInt8.self, repeating: 0xa5)
  return memory
}

private func readFile(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw Complaint("\(path) cannot be opened") }
  defer { fclose(file) }
  fseek(file, 0, SEEK_END)
  let count = ftell(file)
  rewind(file)
  let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    filled = fread(buffer.baseAddress, 1, count, file)
  }
  guard bytes.count == count else { throw Complaint("\(path) cannot be read") }
  return bytes
}
