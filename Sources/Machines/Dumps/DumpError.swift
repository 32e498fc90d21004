public import Addresses
public import KernelImage

/// Why a memory dump could not be opened.
public enum DumpError: Error, Sendable {
  /// The system refused a call: the file, the call and the errno value.
  case system(path: String, call: String, errno: Int32)
  /// The file is empty, a directory, a device or a pipe: nothing that can be mapped.
  case notMappable(path: String)
  /// The file is a dump of a kind that is not read: which one, by its magic.
  case unsupportedFormat(path: String, format: String)
  /// The core breaks a rule of its format.
  case malformed(path: String, ParseError)
  /// A raw file does not hold what it is said to hold: the range asked for, and the size of the file.
  case outsideFile(path: String, offset: FileOffset, count: ByteCount, size: ByteCount)
  /// A piece does not end inside the physical address space.
  case outsidePhysicalMemory(path: String, start: UInt64, count: ByteCount)
  /// Two pieces give one physical address different bytes: the piece that is refused, and the one before it.
  case overlap(path: String, PhysicalRange, with: String, PhysicalRange)
}

extension DumpError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .system(let path, let call, let number):
      "\(path): \(call) failed: errno \(number), \(errorText(number))"
    case .notMappable(let path):
      "\(path): a dump is a regular file that is not empty"
    case .unsupportedFormat(let path, let format):
      "\(path): \(format) is not read; a raw file and an uncompressed ELF core are"
    case .malformed(let path, let error):
      "\(path): \(error.field) at \(hexadecimal(error.offset.value)) is \(hexadecimal(error.found)); "
        + "allowed: \(Self.text(error.allowed))"
    case .outsideFile(let path, let offset, let count, let size):
      "\(path): \(hexadecimal(count.value)) bytes from \(hexadecimal(offset.value)) are not inside the file, which has "
        + "\(hexadecimal(size.value)) bytes"
    case .outsidePhysicalMemory(let path, let start, let count):
      "\(path): \(hexadecimal(count.value)) bytes at physical address \(hexadecimal(start)) reach beyond "
        + hexadecimal(PhysicalAddress.greatest)
    case .overlap(let path, let range, let other, let otherRange):
      "\(path): physical \(Self.text(range)) overlaps \(Self.text(otherRange)) of \(other) with other bytes"
    }
  }

  private static func text(_ range: PhysicalRange) -> String {
    "\(hexadecimal(range.start.value))..<\(hexadecimal(range.endValue))"
  }

  private static func text(_ allowed: ParseError.Allowed) -> String {
    switch allowed {
    case .exactly(let value): hexadecimal(value)
    case .atLeast(let value): "at least \(hexadecimal(value))"
    case .atMost(let value): "at most \(hexadecimal(value))"
    case .multipleOf(let value): "a multiple of \(hexadecimal(value))"
    case .rule(let words): "\(words)"
    }
  }
}

private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
