import KernelImage

extension ProgramHeader {
  /// How a refusal names the header, so that a reader with a hex editor finds it.
  var place: String { "program header \(index) at file offset \(hex(headerOffset))" }
}
