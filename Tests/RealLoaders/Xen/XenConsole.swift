/// What Xen's console says about the first domain.
struct XenConsole {
  /// Lines about the image, as `XenVerdict.lines` has them.
  var lines: [String] = []
  /// Pages that are left to be allocated: "(61440 pages to be allocated)".
  var pages: UInt64?
  /// Machine address of the chunk that holds the domain, from "Dom0 alloc.:".
  var chunk: UInt64?
  /// Machine address of the initrd, from its line among the physical ones.
  var initrd: UInt64?
  /// Whether the builder is done, one way or the other.
  var isComplete = false
  var hasFailed = false

  /// Machine addresses, and what is not about the image.
  private static let noise = [
    "VIRTUAL", " Xen  kernel", "Dom0 has maximum", "***", "Panic on CPU", "Could not construct",
  ]
  private static let ends = ["Initial low memory", "Reboot in five", "Scrubbing Free RAM"]

  init(_ text: String) {
    hasFailed = text.contains("Reboot in five") || text.contains("Xen call trace")
    isComplete = hasFailed || text.contains("Scrubbing Free RAM")
    let all = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("(XEN) ") }.map { $0.dropFirst(6) }
    guard let start = all.firstIndex(of: "*** Building a PV Dom0 ***") else {
      lines = ["Xen did not start"]
      return
    }
    var isPhysical = false
    for line in all[(start + 1)...] {
      if Self.ends.contains(where: { line.hasPrefix($0) }) { break }
      if line.hasPrefix("PHYSICAL") { isPhysical = true }
      if line.hasPrefix("VIRTUAL") { isPhysical = false }
      if isPhysical {
        read(physical: line)
      } else if !line.isEmpty, !Self.noise.contains(where: { line.hasPrefix($0) }) {
        lines.append(String(line))
      }
    }
  }

  private mutating func read(physical line: Substring) {
    let start = line.split(separator: ":").dropFirst().first.map { $0.drop { $0 == " " } }
    let value = start.flatMap { UInt64($0.prefix { $0.isHexDigit }, radix: 16) }
    if line.hasPrefix(" Dom0 alloc.") {
      chunk = value
      pages = line.split(separator: "(").dropFirst().first.flatMap { UInt64($0.prefix { $0.isNumber }) } ?? 0
    } else if line.hasPrefix(" Init. ramdisk") {
      initrd = value
    }
  }
}
