import Addresses
import LoaderEntry
import Placement

extension LoadPlan {
  /// What is written in one go: the image, which is patched as a whole, and each piece outside it.
  var regions: [PhysicalRange] {
    [imageExtent] + pieces.map { $0.extent }.filter { !imageExtent.overlaps($0) }
  }

  /// Leaves by the entry stub, which any 32-bit loader would enter in the same way.
  func enter() -> Never {
    for piece in pieces where piece.owner.isSame(as: "entry stub") {
      enter_32_bit(UInt32(truncatingIfNeeded: piece.destination.start.value))
    }
    preconditionFailure("a plan in long mode has an entry stub")
  }
}
