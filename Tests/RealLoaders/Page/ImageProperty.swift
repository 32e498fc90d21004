/// Something that is odd about an ELF image, while the rest of it is sound.
struct ImageProperty: Sendable {
  let name: String
  let modules: Int
  let spoil: @Sendable (inout PageImage) -> Void

  init(_ name: String, modules: Int = 0, _ spoil: @escaping @Sendable (inout PageImage) -> Void) {
    self.name = name
    self.modules = modules
    self.spoil = spoil
  }

  static let high: UInt64 = 0xffff_ffff_8000_0000

  static let all: [ImageProperty] =
    [
      ImageProperty("nothing") { _ in },
      ImageProperty("nothing, and two modules are given", modules: 2) { _ in },
      ImageProperty("nothing asks for the loader: no header, no note, no string") { $0.isMarked = false },
    ] + addresses + sizes + overlaps + headers

  private static let addresses: [ImageProperty] = [
    ImageProperty("linked high, `e_entry` virtual: `p_vaddr` = `p_paddr` + 0xffffffff80000000") { image in
      image.link(at: high)
      image.entry = image.segments[0].virtual
    },
    ImageProperty("linked high, `e_entry` physical") { image in
      image.link(at: high)
      image.entry = image.segments[0].physical
    },
    ImageProperty("`p_paddr` = `p_vaddr`, both high, as Linux had it before 2006") { image in
      image.link(at: high)
      for index in image.segments.indices { image.segments[index].physical = image.segments[index].virtual }
      image.entry = image.segments[0].virtual
    },
    ImageProperty("`e_entry` in no segment") { $0.entry &+= 0x10_0000 },
    ImageProperty("`e_entry` at the end of the last segment") { image in
      image.entry = image.segments[1].virtual &+ image.segments[1].memorySize
    },
    ImageProperty("`p_paddr` not a multiple of the page: + 0x123") { $0.move(by: 0x123) },
    ImageProperty("data beyond the machine's memory, at `p_paddr` + 2 GiB") { image in
      image.segments[1].physical &+= 0x8000_0000
      image.segments[1].virtual &+= 0x8000_0000
    },
    ImageProperty("data above 4 GiB, where there is no memory") { image in
      guard image.elfClass == .bits64 else { return }
      image.segments[1].physical &+= 0x1_0000_0000
    },
    ImageProperty("data below 1 MiB, at 0x8000") { $0.segments[1].physical = 0x8000 },
    ImageProperty("`p_paddr` + `p_memsz` wraps around") { image in
      image.segments[1].physical = image.elfClass == .bits64 ? 0xffff_ffff_ffff_f000 : 0xffff_f000
    },
  ]

  private static let sizes: [ImageProperty] = [
    ImageProperty("`p_filesz` 0: bss only") { $0.segments[1].fileSize = 0 },
    ImageProperty("`p_memsz` 0, `p_filesz` 0, far from the rest") { image in
      var empty = image.segments[1]
      empty.fileSize = 0
      empty.memorySize = 0
      empty.virtual &+= 0x400_0000
      empty.physical &+= 0x400_0000
      image.segments.append(empty)
    },
    ImageProperty("`p_filesz` 0x1000 above `p_memsz` 0x800") { $0.segments[1].memorySize = 0x800 },
    ImageProperty("bss of 2 GiB, more than there is memory") { $0.segments[1].memorySize = 0x8000_0000 },
    ImageProperty("bytes of data not in the file: `p_offset` 0x1000000") { $0.segments[1].offset = 0x100_0000 },
  ]

  private static let overlaps: [ImageProperty] = [
    ImageProperty("the bytes of two segments overlap") { image in
      image.segments[1].physical = image.segments[0].physical &+ 0x1000
      image.segments[1].virtual = image.segments[0].virtual &+ 0x1000
    },
    ImageProperty("bss reaches over the bytes of a later header") { image in
      var later = image.segments[1]
      later.physical &+= 0x2000
      later.virtual &+= 0x2000
      later.memorySize = 0x1000
      image.segments.append(later)
    },
    ImageProperty("bss reaches over the bytes of an earlier header") { image in
      var earlier = image.segments[1]
      earlier.physical &+= 0x2000
      earlier.virtual &+= 0x2000
      earlier.memorySize = 0x1000
      image.segments.insert(earlier, at: 1)
    },
    ImageProperty("two segments share a page, with different rights") { image in
      image.segments[1].physical = image.segments[0].physical &+ 0x1800
      image.segments[1].virtual = image.segments[0].virtual &+ 0x1800
      image.segments[0].fileSize = 0x1700
      image.segments[0].memorySize = 0x1700
    },
  ]

  private static let headers: [ImageProperty] = [
    ImageProperty("`p_flags` 0 of data") { $0.segments[1].flags = [] },
    ImageProperty("`p_flags` rwx of all segments") { image in
      for index in image.segments.indices { image.segments[index].flags = [.read, .write, .execute] }
    },
    ImageProperty("`e_type` ET_DYN, without a dynamic segment") { $0.type = .shared },
    ImageProperty("`e_type` ET_REL") { $0.type = .relocatable },
    ImageProperty("`e_machine` EM_PPC64") { $0.machine = .powerPC64 },
    ImageProperty("big-endian") { $0.byteOrder = .big },
    ImageProperty("the other class: ELF32 for ELF64, ELF64 for ELF32") { image in
      image.elfClass = image.elfClass == .bits64 ? .bits32 : .bits64
      if image.machine == .x86_64 { image.machine = .i386 } else if image.machine == .i386 { image.machine = .x86_64 }
    },
    ImageProperty("`e_phoff` outside the file") { $0.programHeaderOffset = 0x1000_0000 },
    ImageProperty("`e_phnum` 0") { $0.programHeaderCount = 0 },
    ImageProperty("`e_phentsize` 8 too large") { $0.programHeaderEntrySize = $0.elfClass == .bits64 ? 64 : 40 },
    // The ends of its three lists.
    ImageProperty("Linux's relocation table behind it") { $0.trailer = [UInt8](repeating: 0, count: 12) },
    ImageProperty("PT_INTERP present") { image in
      var part = image.segments[1]
      part.type = .interpreter
      image.segments.append(part)
    },
  ]
}

extension PageImage {
  /// Moves the virtual addresses.
  fileprivate mutating func link(at base: UInt64) {
    let link = elfClass == .bits64 ? base : base & 0xffff_ffff
    for index in segments.indices { segments[index].virtual = segments[index].physical &+ link }
  }

  /// Moves the image whole.
  fileprivate mutating func move(by distance: UInt64) {
    entry &+= distance
    for index in segments.indices {
      segments[index].virtual &+= distance
      segments[index].physical &+= distance
    }
  }
}
