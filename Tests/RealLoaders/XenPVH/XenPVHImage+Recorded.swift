import BootProtocols
import Foundation
import TestSupport

extension XenPVHImage {
  /// A kernel of three pages at 16 MiB, and changes of it.
  static func plain(_ change: (inout XenPVHImage) -> Void = { _ in }) -> XenPVHImage {
    var image = XenPVHImage()
    image.segments = [Segment(physical: 0x100_0000, fileSize: 0x1000, memorySize: 0x3000)]
    image.entry = 0x100_0000
    image.notes = [Note(type: 18, bytes: words(0x100_0000, 4))]
    change(&image)
    return image
  }

  /// What was seen before, and what the source says that random images rarely meet.
  static var recorded: [NamedImage<XenPVHImage>] {
    let cases = [
      NamedImage(
        "initrd and command line",
        plain {
          $0.initrd = 0xefc
          $0.commandLine = "foo"
        }),
      NamedImage("no PHYS32_ENTRY", plain { $0.notes = [Note(type: 6, bytes: Array("linux\0".utf8))] }),
      NamedImage(
        "no PHYS32_ENTRY, for PV in all else",
        plain {
          $0.fileEntry = 0x100_0000
          $0.notes = [Note(type: 6, bytes: Array("linux\0".utf8)), Note(type: 5, bytes: Array("xen-3.0\0".utf8))]
        }),
      NamedImage(
        "in a hole",
        plain {
          $0.segments[0].physical = 0x4020_0000
          $0.notes = [Note(type: 18, bytes: words(0x4020_0000, 4))]
        }),
      NamedImage(
        "in a hole, relocatable",
        plain {
          $0.segments[0].physical = 0x4020_0000
          $0.notes = [Note(type: 18, bytes: words(0x4020_0000, 4)), Note(type: 19, bytes: words(0x20_0000, 12))]
        }),
      NamedImage("entry at the end, in the initrd", plain(entryInInitrd)),
      NamedImage(
        "the module's string crosses a page",
        plain {
          $0.initrd = 0xff8
          $0.initrdArguments = "quiet"
          $0.commandLine = "foo"
        }),
      NamedImage("a low segment hides the kernel from the search", plain(lowSegment)),
      NamedImage("64 bits of p_memsz, 32 cleared", plain { $0.segments[0].memorySize = 0x1_0000_3000 }),
      NamedImage("p_filesz over p_memsz", plain { $0.segments[0].memorySize = 0x800 }),
      NamedImage("a gap at the end of memory", plain { $0.segments[0].memorySize = 0xe00_0000 }),
      NamedImage("big-endian", plain { $0.isBigEndian = true }),
      NamedImage("command line of 1100 bytes", plain { $0.commandLine = String(repeating: "x", count: 1100) }),
    ]
    return cases + vulnerable + grub
  }

  /// The classes of hostile images, with the probe where their note has the entry.
  private static var vulnerable: [NamedImage<XenPVHImage>] {
    VulnerabilityClass.allCases.map { each in
      var image = XenPVHImage()
      image.file = each.image(for: .xenPVH)
      image.entry = 0x20_0000
      image.probeOffset = VulnerabilityClass.segmentOffset(for: .xenPVH)
      return NamedImage("vulnerability: \(each)", image, isCheap: each == .sameRangeOverAndOver)
    }
  }

  private static func entryInInitrd(_ image: inout XenPVHImage) {
    image.entry = 0x100_3000
    image.notes = [Note(type: 18, bytes: words(0x100_3000, 4))]
    image.initrd = 0x400
    image.probesInitrd = true
  }

  private static func lowSegment(_ image: inout XenPVHImage) {
    image.segments = [
      Segment(physical: 0x1000, fileSize: 0x100, memorySize: 0x100),
      Segment(physical: 0x10_0000, fileSize: 0x200, memorySize: 0x1_0000),
      Segment(physical: 0x100_0000, fileSize: 0x1000, memorySize: 0x3000),
    ]
    image.initrd = 0x123
  }

  /// Debian's GRUB for PVH guests, with a probe for its first instructions.
  private static var grub: [NamedImage<XenPVHImage>] {
    let place = PackageRoot.url.appendingPathComponent(
      ".cache/images/grub-xen-host/usr/lib/grub-xen/grub-i386-xen_pvh.bin")
    guard let file = try? Data(contentsOf: place) else { return [] }
    var image = XenPVHImage()
    image.file = Array(file)
    // Its PHYS32_ENTRY, by `readelf -n`.
    image.entry = 0x10_0000
    image.commandLine = "grub"
    image.initrd = 0x1234
    return [NamedImage("GRUB for PVH", image)]
  }
}
