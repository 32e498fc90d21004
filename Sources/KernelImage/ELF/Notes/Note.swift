public import Addresses

/// One note (System V gABI, ch. 5, "Note Section").
public struct Note: Hashable, Sendable {
  /// Where the note was found.
  public enum Container: Hashable, Sendable {
    /// A PT_NOTE, by its index in the program header table.
    case segment(Int)
    /// An SHT_NOTE, by its index in the section header table.
    case section(Int)
  }

  public let container: Container
  /// Where the note's header lies in the file.
  public let headerOffset: FileOffset
  /// The name, up to its NUL: who defines the type. "Xen", "GNU", "Linux".
  public let owner: String
  /// n_type; its meaning is the owner's.
  public let type: UInt32
  /// n_descsz bytes, inside the file.
  public let descriptor: FileRange

  /// Whether the note belongs to `name`, byte for byte.
  public func isOwned(by name: String) -> Bool { owner.isSame(as: name) }
}
