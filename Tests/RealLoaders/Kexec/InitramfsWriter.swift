/// Files as the kernel unpacks them: cpio, "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
struct InitramfsWriter {
  private var bytes: [UInt8] = []

  mutating func add(_ name: String, _ content: [UInt8]) {
    let name = Array(name.utf8.drop { $0 == UInt8(ascii: "/") }) + [0]
    // inode, mode (a regular file, 0644), uid, gid, links, mtime, size, four device numbers, length of the name, check.
    let fields = [0, 0o100644, 0, 0, 1, 0, content.count, 0, 0, 0, 0, name.count, 0]
    bytes += Array("070701".utf8)
    for field in fields {
      let digits = String(field, radix: 16)
      bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
    }
    append(name)
    append(content)
  }

  var finished: [UInt8] {
    var copy = self
    copy.add("TRAILER!!!", [])
    return copy.bytes
  }

  private mutating func append(_ more: [UInt8]) {
    bytes += more
    bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }
}
