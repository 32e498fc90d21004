import Addresses
import KernelImage

extension ProgramHeader {
  /// How a refusal names the header, so that a reader with a hex editor finds it.
  var place: Sentence { "program header \(index) at file offset \(hex: headerOffset)" }
}
