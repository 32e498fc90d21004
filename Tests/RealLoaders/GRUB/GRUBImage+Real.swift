extension GRUBImage {
  /// Kernels that others built, most of them not for GRUB's two commands. They do not tell with which registers they were
  /// entered, and they write to memory before it can be looked at: compared are refusals, and what the relocator moves.
  static func real(version: Int) throws -> [NamedImage<GRUBImage>] {
    try RealImages.x86.filter(\.isExpected).map { real in
      var image = GRUBImage.simple
      image.version = version
      image.file = try real.bytes()
      image.hasProbe = false
      return NamedImage(real.name, image, isCheap: false)
    }
  }
}
