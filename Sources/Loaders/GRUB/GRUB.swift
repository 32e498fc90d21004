import BootProtocols
import KernelImage
import Placement

/// GRUB 2.06 on a PC with a BIOS: what its commands `multiboot` and `multiboot2` do with an image, and then `module` and
/// `boot` (grub-core/loader/multiboot.c).
///
/// Its arithmetic is 32 bits wide and wraps. What it keeps in its own heap is not part of the image: where a place
/// depends on it, `GRUB.ownMemory` stands for it, and gaps between its own blocks are taken to hold what is smaller.
/// So it is unspecified which of its words it has for an image that leaves less than that of all memory, and whether
/// it has room for one with a piece below 1 MiB and one beyond memory: a remark says so.
public enum GRUB {
  /// What GRUB's modules and buffers take at the top of the memory below 4 GiB, in bytes: as seen with few modules.
  public static let ownMemory: UInt32 = 0x7_0000
  /// The relocator's words where it cannot keep the bytes.
  public static let noRoom = "out of memory"
  /// What GRUB calls itself in the boot information, PACKAGE_STRING as Debian 12 has it.
  static let packageString = "GRUB 2.06-13+deb12u2"

  /// `multiboot`: Multiboot Specification 0.6.96.
  public static func multiboot(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    outcome { () throws(GRUBStop) in
      let header = try GRUBHeader1(searching: image, name: request.imageName)
      var load = GRUBLoad(loader: .grubMultiboot, request: request, version: 1)
      if header.hasAddressFields {
        try load.addressFields(header.addressFields, of: image)
      } else {
        try load.elf(image)
      }
      try header.checkVideoMode(in: image)
      return try load.finish()
    }
  }

  /// `multiboot2`: Multiboot2 Specification 2.0.
  public static func multiboot2(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    outcome { () throws(GRUBStop) in
      let header = try GRUBHeader2(searching: image, name: request.imageName)
      var load = GRUBLoad(loader: .grubMultiboot2, request: request, version: 2)
      load.relocatable = header.relocatable
      if let fields = header.addressFields {
        try load.addressFields(fields, of: image)
      } else {
        try load.elf(image)
      }
      if let entry = header.entry { load.override(entry: entry) }
      load.shiftEntry()
      try header.checkConsole()
      return try load.finish()
    }
  }

  private static func outcome(_ load: () throws(GRUBStop) -> LoadPlan) -> LoaderOutcome {
    do throws(GRUBStop) {
      return .loads(try load())
    } catch {
      switch error {
      case .refusal(let refusal): return .refuses(refusal)
      case .misbehaviour(let misbehaviour): return .misbehaves(misbehaviour)
      }
    }
  }
}

/// Why GRUB does not come to its jump.
enum GRUBStop: Error {
  case refusal(Refusal)
  case misbehaviour(Misbehaviour)

  static func refuses(_ words: String, _ evidence: String, _ rule: String, _ file: GRUBSource) -> GRUBStop {
    .refusal(Refusal(words, evidence: evidence, rule: Rule(rule, source: file.citation)))
  }

  static func misbehaves(_ effect: String, _ evidence: String, _ rule: String, _ file: GRUBSource) -> GRUBStop {
    .misbehaviour(Misbehaviour(effect, evidence: evidence, rule: Rule(rule, source: file.citation)))
  }
}

/// The source file of GRUB that a rule is read from.
enum GRUBSource: String {
  case elf = "loader/multiboot_elfxx.c"
  case command = "loader/multiboot.c"
  case version1 = "loader/i386/multiboot_mbi.c"
  case version2 = "loader/multiboot_mbi2.c"
  case relocator = "lib/relocator.c"
  case relocator32 = "lib/i386/relocator.c"
  case file = "kern/file.c"

  var citation: String { "GRUB 2.06, grub-core/" + rawValue }
}

extension GRUBStop {
  /// grub_file_seek.
  static func seek(_ evidence: String) -> GRUBStop {
    .refuses(
      "attempt to seek outside of the file", evidence, "An offset behind the file's last byte is refused.", .file)
  }

  /// A read that gives fewer bytes than asked for.
  static func premature(_ name: String, _ evidence: String, _ source: GRUBSource) -> GRUBStop {
    .refuses("premature end of file " + name, evidence, "All bytes must be in the file.", source)
  }
}
