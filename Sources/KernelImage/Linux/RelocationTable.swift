public import Addresses

/// The relocation table that the build appends to `vmlinux` in the payload (Linux, arch/x86/tools/relocs.c; read by
/// handle_relocations in arch/x86/boot/compressed/misc.c). Words are 32 bits: the low half of the link address of the
/// place to patch. Each list stands behind a zero word:
///
///     three lists   0 │ 64-bit places │ 0 │ inverse 32-bit places │ 0 │ 32-bit places │ end      up to 6.14
///     two lists     0 │ 64-bit places │ 0 │ 32-bit places │ end                                  since 6.15
///     one list      0 │ 32-bit places │ end                                                      i386
public struct RelocationTable: Hashable, Sendable {
  public enum Layout: Hashable, Sendable {
    case threeLists
    case twoLists
    case oneList
  }

  /// The whole table, terminators included.
  public let range: FileRange
  public let layout: Layout
  /// 64-bit places, to which the slide is added.
  public let entries64: FileRange
  /// 32-bit places from which the slide is taken: offsets to per-processor variables. Empty unless there are three
  /// lists.
  public let entriesInverse32: FileRange
  /// 32-bit places, to which the slide is added.
  public let entries32: FileRange

  /// How many words a list has.
  public static func count(_ list: FileRange) -> UInt64 { list.count.value / 4 }
}
