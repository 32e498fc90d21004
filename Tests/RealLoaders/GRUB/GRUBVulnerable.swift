import Placement

extension GRUBImage {
  /// The classes of hostile images, with the probe behind the headers.
  static func vulnerable(version: Int) -> [NamedImage<GRUBImage>] {
    let quick: [VulnerabilityClass] = [.bytesOutsideFile, .noteWithoutEnd, .sameRangeOverAndOver, .negativeSizes]
    return VulnerabilityClass.allCases.map { each in
      let loader: LoaderName = version == 1 ? .grubMultiboot : .grubMultiboot2
      var image = GRUBImage(version: version)
      image.file = each.image(for: loader, code: GRUBProbe.code, at: 0x100)
      return NamedImage("vulnerability: \(each)", image, isCheap: version == 1 && quick.contains(each))
    }
  }
}
