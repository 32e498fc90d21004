import BootProtocols
import Foundation
import TestSupport

extension KexecJudge {
  public var named: [NamedImage<KexecImage>] { get throws { Self.recorded + Self.vulnerable + Self.real } }

  private typealias Segment = KexecELFImage.Segment

  /// What was seen without a guest once, and the rules that no draw is sure to meet.
  private static var recorded: [NamedImage<KexecImage>] {
    let solaris64 = KexecELFImage(
      entry: 0x4080_0000,
      segments: [
        Segment(physical: 0x4080_0000, fileSize: 0xed28, memorySize: 0xed28),
        Segment(physical: 0x4000_0000, fileSize: 0x1000, memorySize: 0x39_adca),
        Segment(physical: 0x4040_0000, fileSize: 0x2_0fe9, memorySize: 0xe_36c0),
      ])
    var solaris32 = solaris64
    (solaris32.is64, solaris32.machine, solaris32.multiboot) = (false, 3, .first(flags: 0, addresses: []))
    func kernel(_ change: (inout KexecELFImage) -> Void) -> KexecImage {
      var image = KexecELFImage(segments: [Segment(physical: 0x20_0000, fileSize: 0x100, memorySize: 0x1000)])
      change(&image)
      return KexecImage(.elf(image))
    }
    var verbatim = kernel { $0.entry = 0xffff_ffff_8020_0000 }
    verbatim.arguments = .none
    var nothing = kernel { $0.segments = [Segment(physical: 0x20_0000, fileSize: 0, memorySize: 0)] }
    nothing.arguments = .none
    // Without purgatory, since the sum over so many bytes takes longer than a guest is given.
    var half = kernel { $0.segments[0].memorySize = 0x3800_0000 }
    half.arguments = .none
    let shares: [(String, UInt64)] = [("47", 0x2d20_0000), ("49", 0x2f00_0000)]
    let parts = shares.map { share, size in
      var part = half
      if case .elf(var image) = part.content {
        image.segments[0].memorySize = size
        part.content = .elf(image)
      }
      return NamedImage("\(share) % of memory", part)
    }
    return parts + [
      NamedImage("OpenSolaris, 64 bits", KexecImage(.elf(solaris64))),
      NamedImage("OpenSolaris, 32 bits, Multiboot", KexecImage(.elf(solaris32))),
      NamedImage("unaligned by 0x123", kernel { $0.segments[0].physical = 0x20_0123 }),
      NamedImage("unaligned by 0x800", kernel { $0.segments[0].physical = 0x20_0800 }),
      NamedImage("wrap", kernel { ($0.segments[0].physical, $0.segments[0].memorySize) = (.max - 0xfff, 0x2000) }),
      NamedImage("overlap", kernel { $0.segments.append($0.segments[0]) }),
      NamedImage("e_entry is not translated", verbatim),
      NamedImage("above 4 GiB", kernel { $0.segments[0].physical = 0x1_0020_0000 }),
      NamedImage("p_filesz above p_memsz", kernel { $0.segments[0].fileSize = 0x2000 }),
      NamedImage("nothing to load", nothing),
      NamedImage(
        "a note's name of 4 GiB",
        kernel { $0.notes = [UInt8](repeating: 0xff, count: 4) + [UInt8](repeating: 0, count: 20) }),
      NamedImage("no section table", kernel { $0.sectionCount = 1 }),
      NamedImage("a tag without a size", kernel { $0.multiboot = .second(tags: [[1, 0]]) }),
      NamedImage("17 segments and purgatory", kernel { $0.segments = apart(16) }),
      NamedImage("18 segments and purgatory", kernel { $0.segments = apart(17) }),
      NamedImage("24 segments and purgatory", kernel { $0.segments = apart(23) }),
      NamedImage("half of memory", half),
    ]
  }

  private static var vulnerable: [NamedImage<KexecImage>] {
    VulnerabilityClass.allCases.map { each in
      NamedImage("vulnerability: \(each)", KexecImage(.bytes("\(each)", each.image(for: .kexec))))
    }
  }

  private static func apart(_ count: UInt64) -> [Segment] {
    (0..<count).map { Segment(physical: 0x20_0000 + $0 * 0x10_0000, fileSize: 16, memorySize: 16) }
  }

  /// Those that are here: other people's kernels come from Debian by the scripts that fetch them.
  private static var real: [NamedImage<KexecImage>] {
    let cache = PackageRoot.url.appendingPathComponent(".cache")
    let xen = cache.appendingPathComponent("xen/xen.elf").path
    var linux = KexecImage(.file(DebianKernel.cloud.path))
    linux.commandLine = "console=ttyS0"
    linux.modules = [0x12345]
    var all = [NamedImage("Debian's Linux", linux), NamedImage("Debian's Xen", KexecImage(.file(xen)))]
    let images = cache.appendingPathComponent("images").path
    for name in (try? FileManager.default.subpathsOfDirectory(atPath: images).sorted()) ?? []
    where name.contains("memtest") {
      all.append(NamedImage(name, KexecImage(.file("\(images)/\(name)"))))
    }
    return all.filter {
      if case .file(let path) = $0.image.content { isFile(path) } else { true }
    }
  }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
  }
}
