import Addresses
import LoaderEntry
import Placement

extension LoadPlan {
  /// Leaves by the entry stub, which any 32-bit loader would enter in the same way.
  func enter() -> Never {
    for piece in pieces where piece.owner.isSame(as: "entry stub") {
      enter_32_bit(UInt32(truncatingIfNeeded: piece.destination.start.value))
    }
    preconditionFailure("a plan in long mode has an entry stub")
  }
}
