import BootProtocols
import Foundation
import TestSupport

extension XenPVImage {
  /// What was seen to matter: each of them was once fed to Xen by hand.
  static var named: [NamedImage<XenPVImage>] {
    get throws {
      let quick =
        ["Solaris, string, initrd", "symbols", "hypercall page", "list elsewhere, initrd unmapped"] + [
          "big-endian, notes", "vulnerability: sameRangeOverAndOver", "vulnerability: negativeSizes",
        ]
      return (solaris + addresses + copies + asked + odd + vulnerable + (try realFiles)).map { item in
        NamedImage(item.name, item.image, isCheap: quick.contains(item.name))
      }
    }
  }

  private static let solarisSegments = [
    Segment(physical: 0x4080_0000, count: 0xed28, memory: 0xed28),
    Segment(physical: 0x4000_0000, count: 0x39_adca, memory: 0x39_adca),
    Segment(physical: 0x4040_0000, count: 0x2_0fe9, memory: 0xe_36c0),
  ]
  private static let solaris32Segments = [
    Segment(physical: 0x4080_0000, count: 0xe95c, memory: 0xe95c),
    Segment(physical: 0x4000_0000, count: 0x2a_a362, memory: 0x2a_a362),
    Segment(physical: 0x4040_0000, count: 0x1_6515, memory: 0x9_4a44),
  ]

  /// One segment at the base, its string, and what a case changes.
  static func small(_ text: String? = XenImages.guest, _ change: (inout XenPVImage) -> Void = { _ in }) -> XenPVImage {
    var image = XenPVImage()
    image.segments = [Segment(physical: 0x4000_0000, count: 0x1234, memory: 0x5678)]
    image.text = text
    change(&image)
    return image
  }

  /// Notes of Linux with numbers by type.
  static func linux(_ numbers: KeyValuePairs<UInt32, UInt64>) -> [Note] {
    let texts = [Note(type: 6, bytes: Array("linux\0".utf8)), Note(type: 5, bytes: Array("xen-3.0\0".utf8))]
    return texts + numbers.map { type, value in Note(type: type, bytes: XenImages.words(value)) }
  }

  private static func solaris(
    _ text: String?, _ notes: [Note] = [], _ change: (inout XenPVImage) -> Void = { _ in }
  ) -> XenPVImage {
    small(text) { image in
      image.segments = solarisSegments
      (image.code, image.entry) = (0x4080_0000, 0x4080_0000)
      if !notes.isEmpty { image.notes = [notes] }
      change(&image)
    }
  }

  private static var solaris: [NamedImage<XenPVImage>] {
    let bits32 = solaris(XenImages.guest + ",PAE=yes") { image in
      (image.segments, image.is64, image.machine) = (solaris32Segments, false, 3)
    }
    return [
      NamedImage("Solaris, string, initrd", solaris(XenImages.guest) { $0.initrdSize = 0xefc }),
      NamedImage("Solaris, notes without an offset", solaris(nil, linux([3: 0x4000_0000]))),
      NamedImage("Solaris, notes with an offset", solaris(nil, linux([3: 0x4000_0000, 4: 0x4000_0000]))),
      NamedImage("Solaris, no base", solaris("GUEST_OS=linux,XEN_VER=xen-3.0")),
      NamedImage("Solaris, an offset of 0", solaris(XenImages.guest + ",ELF_PADDR_OFFSET=0x0")),
      NamedImage("Solaris, entry behind the kernel", solaris(XenImages.guest + ",VIRT_ENTRY=0x40900000")),
      NamedImage("Solaris, 32-bit", bits32),
    ]
  }

  private static var addresses: [NamedImage<XenPVImage>] {
    let high: UInt64 = 0xffff_ffff_8000_0000
    let base = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000"
    func linux(_ shift: UInt64, _ vsyscall: UInt64, _ text: String) -> XenPVImage {
      small(text) { image in
        image.segments = [
          Segment(physical: shift &+ 0x10_0000, count: 0x3000, memory: 0x3000),
          Segment(physical: vsyscall, count: 0xc00, memory: 0xc00),
          Segment(physical: shift &+ 0x10_4000, count: 0x1000, memory: 0x9000),
        ]
        (image.code, image.entry) = (shift &+ 0x10_0000, high + 0x10_0000)
      }
    }
    return [
      NamedImage("Linux of 2006, p_paddr = p_vaddr", linux(high, high + 0x10_3000, base)),
      NamedImage("vsyscall, physical", linux(0, 0x10_3000, base + ",ELF_PADDR_OFFSET=0x0")),
      NamedImage("vsyscall, virtual", linux(high, 0xffff_ffff_ff60_0000, base)),
      NamedImage("entry at the end", small { $0.entry = 0x4000_5678 }),
      NamedImage("entry behind the end", small { $0.entry = 0x4000_5679 }),
      NamedImage("below the base", small { $0.segments[0].physical = 0x3fff_f000 }),
      NamedImage(
        "base of 4 KiB",
        small("GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x40001000") { image in
          image.segments[0].physical = 0x4000_1000
          (image.code, image.entry) = (0x4000_1000, 0x4000_1000)
        }),
      NamedImage(
        "base in Xen's area",
        small("GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0xffff810000000000") { image in
          image.segments[0].physical = 0xffff_8100_0000_0000
          image.entry = 0xffff_8100_0000_0000
        }),
    ]
  }

  private static var copies: [NamedImage<XenPVImage>] {
    func second(_ segment: Segment, isFirst: Bool = false) -> XenPVImage {
      small { $0.segments.insert(segment, at: isFirst ? 0 : 1) }
    }
    let overlap = Segment(physical: 0x4000_0800, count: 0x100, memory: 0x1000)
    return [
      NamedImage("overlap, zeros later", second(overlap)),
      NamedImage("overlap, zeros first", second(overlap, isFirst: true)),
      NamedImage("p_memsz wraps", second(Segment(physical: 0xffff_ffff_ffff_f000, count: 0, memory: 0x2000))),
      NamedImage(
        "p_filesz > p_memsz", small { $0.segments[0] = Segment(physical: 0x4000_0000, count: 0x4000, memory: 0x1000) }),
      NamedImage("three times the same", small { $0.segments += [$0.segments[0], $0.segments[0]] }),
      NamedImage("read-only", small { $0.segments[0].flags = 4 }),
      NamedImage("no flags", small { $0.segments[0].flags = 0 }),
      NamedImage("symbols wanted, none there", small(XenImages.guest + ",BSD_SYMTAB=yes")),
      NamedImage(
        "symbols",
        small(XenImages.guest + ",BSD_SYMTAB=yes") { $0.symbols = Symbols(symbolCount: 72, nameCount: 100) }),
      NamedImage(
        "symbols that link to no names",
        small(XenImages.guest + ",BSD_SYMTAB=yes") { $0.symbols = Symbols(symbolCount: 72, nameCount: 9, link: 1) }),
    ]
  }

  private static var asked: [NamedImage<XenPVImage>] {
    func noted(_ numbers: KeyValuePairs<UInt32, UInt64>, _ change: (inout XenPVImage) -> Void = { _ in }) -> XenPVImage
    {
      small(nil) { image in
        image.notes = [linux([3: 0x4000_0000, 4: 0x4000_0000]) + linux(numbers)]
        change(&image)
      }
    }
    let foreign = [[Note(owner: "GNU", type: 3, bytes: [1, 2, 3, 4])]]
    return [
      NamedImage(
        "note without end",
        small {
          $0.notes = [linux([:])]; $0.notes[0][0].size = 0xffff_ffff
        }),
      NamedImage(
        "note behind the file",
        small {
          $0.notes = [linux([:])]; $0.notes[0][0].size = 0xffff_0000
        }),
      NamedImage("hypercall page", noted([2: 0x4000_4000])),
      NamedImage("hypercall page outside", noted([2: 0x5000_0000])),
      NamedImage("list elsewhere, initrd unmapped", noted([15: 0x80_0000_0000, 16: 1]) { $0.initrdSize = 0xefc }),
      NamedImage("list in the kernel", noted([15: 0x4000_1000])),
      NamedImage("list in the mapping", noted([15: 0x4010_0000])),
      NamedImage("no dom0", noted([17: 1])),
      NamedImage(
        "unknown feature",
        small(nil) { image in
          image.notes = [linux([3: 0x4000_0000, 4: 0x4000_0000]) + [Note(type: 10, bytes: Array("!unknown\0".utf8))]]
        }),
      NamedImage("supervisor mode", small(XenImages.guest + ",FEATURES=!supervisor_mode_kernel")),
      NamedImage("AArch64", small { $0.machine = 183 }),
      NamedImage("foreign note, string", small { $0.notes = foreign }),
      NamedImage("foreign note alone", small(nil) { $0.notes = foreign }),
      NamedImage("nothing for Xen", small(nil)),
    ]
  }

  private static var realFiles: [NamedImage<XenPVImage>] {
    get throws {
      var found: [NamedImage<XenPVImage>] = []
      let path = PackageRoot.url.appendingPathComponent(
        ".cache/images/grub-xen-host/usr/lib/grub-xen/grub-x86_64-xen.bin")
      if FileManager.default.fileExists(atPath: path.path) {
        var image = XenPVImage()
        image.file = Array(try Data(contentsOf: path))
        found.append(NamedImage("GRUB's Xen build", image))
      }
      if DebianKernel.cloud.isPresent {
        let kernel = try DecompressorKernel.of(.cloud)
        var image = XenPVImage()
        image.file = kernel.file
        image.payload = kernel.unpacked.withBytes { $0.withUnsafeBytes { unsafe [UInt8]($0) } }
        found.append(NamedImage("Debian's Linux, a bzImage", image))
      }
      return found
    }
  }
}
