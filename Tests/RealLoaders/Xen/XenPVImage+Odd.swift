import BootProtocols
import Foundation
import TestSupport

extension XenPVImage {
  /// Another byte order, and headers that the file ends in the midst of.
  static var odd: [NamedImage<XenPVImage>] {
    var swapped = small()
    swapped.isBigEndian = true
    var noted = small(nil) { $0.notes = [linux([3: 0x4000_0000, 4: 0x4000_0000, 1: 0x4000_0000])] }
    noted.isBigEndian = true
    var foreign = noted
    foreign.machine = 21
    var untrue = small()
    untrue.file = untrue.bytes
    // EI_DATA alone: every field is nonsense then.
    untrue.file?[5] = 2
    var unknown = untrue
    unknown.file?[5] = 0
    var classless = small {
      $0.is64 = false; $0.machine = 3
    }
    classless.file = classless.bytes
    classless.file?[4] = 7
    // Up to p_type and p_flags, p_vaddr, p_paddr, p_filesz, p_memsz.
    let cut = ([50, 48, 32, 24, 16, 8] as [Int]).map { count in
      NamedImage("a program header without its last \(count) bytes", small { $0.headerCut = count })
    }
    return cut + [
      NamedImage("big-endian, string", swapped), NamedImage("big-endian, notes", noted),
      NamedImage("big-endian, SPARC", foreign), NamedImage("EI_DATA 2 alone", untrue),
      NamedImage("EI_DATA 0", unknown), NamedImage("EI_CLASS 7, laid out for 32 bits", classless),
      NamedImage("wild section names", wildNames),
    ]
  }

  /// No notes, and no name where the section's should be.
  private static var wildNames: XenPVImage {
    var image = small()
    var bytes = image.bytes
    // sh_name of the first section behind the empty one, 64 bytes each from e_shoff on.
    let table = bytes[40..<48].reversed().reduce(0) { $0 << 8 | Int($1) }
    bytes.replaceSubrange(table + 64..<table + 68, with: [0, 0xff, 0xff, 0xff])
    image.file = bytes
    return image
  }

  /// The classes of hostile images, with the first instruction at the start of the segment, where their note has it.
  static var vulnerable: [NamedImage<XenPVImage>] {
    VulnerabilityClass.allCases.map { each in
      var image = XenPVImage()
      image.file = each.image(for: .xenPV, code: spin)
      return NamedImage("vulnerability: \(each)", image)
    }
  }
}
