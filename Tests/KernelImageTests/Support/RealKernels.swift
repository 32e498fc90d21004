import Addresses
import Foundation
import KernelImage
import TestSupport

/// Kernels to test with: Debian's, or those of the environment, where PERCH_KERNELS holds paths of bzImages, or folders of them, separated by
/// colons.
enum RealKernels {
  static let images: [String] = {
    guard let list = ProcessInfo.processInfo.environment["PERCH_KERNELS"] else {
      return DebianKernel.x86.filter(\.isPresent).map(\.path)
    }
    return list.split(separator: ":").flatMap { entry -> [String] in
      let path = String(entry)
      guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return [path] }
      return names.sorted().filter { $0.hasPrefix("vmlinuz") }.map { path + "/" + $0 }
    }
  }()

  /// In CI the tests run, and fail, also when there are none.
  static var areWanted: Bool { !images.isEmpty || ProcessInfo.processInfo.environment["CI"] != nil }

  static let reason = "run scripts/fetch-kernel, or set PERCH_KERNELS to the paths of kernel images"

  static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

  /// The payload of an image, unpacked by the codec's own tool; the size that the build appended is cut off.
  static func unpack(_ image: [UInt8]) throws -> [UInt8] {
    let parsed = try image.withRawSpan { raw throws(ParseError) in try BzImage(parsing: raw) }
    guard let range = parsed.payloadRange, let codec = parsed.payloadCodec else {
      throw Tool.Failure(message: "no payload")
    }
    let stream = Array(image[Int(range.start.value)..<Int(range.endValue) - (codec == .gzip ? 0 : 4)])
    let command: [String]
    switch codec {
    case .gzip: command = ["gzip", "-dc"]
    case .bzip2: command = ["bzip2", "-dc"]
    case .lzma, .xz: command = ["xz", "-dc"]
    case .lz4Legacy, .lz4Frame: command = ["lz4", "-dc"]
    case .zstd: command = ["zstd", "-dc", "--long=27"]
    case .lzo: command = ["lzop", "-dc"]
    case .none: return stream
    }
    return [UInt8](try Tool.run(command, input: stream))
  }
}
