/// Perch's own loader: functions from an image and a machine to a plan, or to a refusal.
///
/// - `plan(linux:request:)` enters a Linux x86-64 kernel by its 64-bit boot protocol.
/// - `plan(elf:bytes:request:)` enters any x86-64 ELF kernel at its virtual entry point.
public enum PerchLoader {
  /// Nothing is placed below: firmware keeps tables there, and SeaBIOS writes there until the kernel runs.
  static let floor: UInt64 = 0x10_0000
  /// The entry stub starts in 32-bit mode, so that it and the root table lie below 4 GiB.
  static let stubLimit: UInt64 = 1 << 32
}
