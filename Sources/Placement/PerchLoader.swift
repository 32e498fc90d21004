import Addresses
import KernelImage

/// Perch's own loader: functions from an image and a machine to a plan, or to a refusal.
///
/// - `plan(linux:request:)` enters a Linux x86-64 kernel by its 64-bit boot protocol.
/// - `plan(elf:bytes:request:)` enters any x86-64 ELF kernel at its virtual entry point.
public enum PerchLoader {
  /// Nothing is placed below: firmware keeps tables there, and SeaBIOS writes there until the kernel runs.
  static let floor: UInt64 = 0x10_0000
  /// The most PT_LOAD segments an image may have. Kernels have a handful; the limit bounds the work and the plan.
  static let mostSegments = 1024

  /// The PT_LOAD segments that take memory.
  ///
  /// - Throws: ``PlanError`` when there are none, or more than ``mostSegments``.
  static func loadable(_ elf: borrowing ELFFile) throws(PlanError) -> [ProgramHeader] {
    var segments: [ProgramHeader] = []
    for segment in elf.programHeaders where segment.type == .load && segment.memorySize > .zero {
      segments.add(segment)
    }
    guard !segments.isEmpty else {
      throw PlanError(.wrongImage, "the ELF has no PT_LOAD segment with memory: nothing to load")
    }
    guard segments.count <= mostSegments else {
      throw PlanError(
        .wrongImage,
        "e_phnum (offset 0x38): \(segments.count) PT_LOAD segments with memory; a kernel has at most \(mostSegments)")
    }
    return segments
  }

  /// The entry stub starts in 32-bit mode, so that it and the root table lie below 4 GiB.
  static let stubLimit: UInt64 = 1 << 32
}
