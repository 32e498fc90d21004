import Addresses
public import TestSupport

/// How QEMU starts a kernel.
enum QEMUProtocol: Sendable { case multiboot, pvh, linux, aarch64, riscv }

/// What QEMU is started with: an image, memory, a command line, modules.
public struct QEMUImage: Shrinkable, Sendable {
  enum File: Sendable {
    case elf(RandomELF)
    case fields(RandomFields)
    case raw(RandomImage)
    case linux(RandomLinux)
    case real(RealImage)
    /// Bytes that a recorded case is made of.
    case made([UInt8])
  }

  var file: File
  var mebibytes: UInt64 = 64
  var commandLine = ""
  var moduleSizes: [Int] = []

  func bytes() throws -> [UInt8] {
    switch file {
    case .elf(let file): file.bytes
    case .fields(let file): file.bytes
    case .raw(let file): file.bytes
    case .linux(let file): file.bytes
    case .real(let image): try image.bytes()
    case .made(let bytes): bytes
    }
  }

  /// Bytes that say where they belong, in modules of a few pages; no module holds what memory holds before.
  var modules: [[UInt8]] {
    moduleSizes.map { size in
      size > 1 << 16
        ? [UInt8](repeating: 0x3c, count: size) : (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ size) }
    }
  }

  public var smaller: [QEMUImage] {
    var cases: [QEMUImage] = []
    if !moduleSizes.isEmpty {
      cases.append(self)
      cases[0].moduleSizes.removeLast()
    }
    if !commandLine.isEmpty {
      cases.append(self)
      cases[cases.count - 1].commandLine = ""
    }
    if mebibytes > 64 {
      cases.append(self)
      cases[cases.count - 1].mebibytes = 64
    }
    return cases
      + smallerFiles.map { file in
        var copy = self
        copy.file = file
        return copy
      }
  }

  private var smallerFiles: [File] {
    switch file {
    case .elf(let file): file.smaller.map { .elf($0) }
    case .fields(let file): file.smaller.map { .fields($0) }
    case .raw(let file): file.smaller.map { .raw($0) }
    case .linux(let file): file.smaller.map { .linux($0) }
    case .real, .made: []
    }
  }

  public var description: String {
    let text =
      switch file {
      case .elf(let file): file.description
      case .fields(let file): file.description
      case .raw(let file): file.description
      case .linux(let file): file.description
      case .real(let image): image.name
      case .made(let bytes): "\(bytes.count) bytes"
      }
    return "\(text); \(mebibytes) MiB, command line “\(commandLine)”, modules \(moduleSizes)"
  }
}
