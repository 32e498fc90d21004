import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// Xen 4.17 and kernels for PVH: verdicts that it was seen to give, and numbers by hand.
@Suite struct XenPVHTests {
  private typealias Image = XenPVHImage

  private func verdict(_ change: (inout XenPVHImage) -> Void = { _ in }) -> XenVerdict {
    let image = XenPVHImage.plain(change)
    return image.build().kernel.withRawSpan { XenPVH.dom0($0, image.request) }
  }

  private func kinds(_ verdict: XenVerdict) -> [Remark.Kind] { verdict.prediction?.remarks.map(\.kind) ?? [] }

  @Test func initrdAndCommandLine() throws {
    let seen = verdict {
      $0.initrd = 0xefc
      $0.commandLine = "foo"
    }
    // The string follows the initrd at a multiple of 8; the command line has a page of its own and takes 8 bytes; an
    // entry of the list takes 32.
    #expect(
      seen.places == [
        "segment 0@1000000+1000+2000", "initrd@1003000+efc+0", "initrd's command line@1003f00+7+0",
        "command line@1004000+4+0", "module list@1004008+20+0", "start info@1004028+20+0",
        "start info, memory map@1004050+10+0",
      ])
    #expect(seen.register("ebx") == 0x100_4028)
    #expect(seen.register("eip") == 0x100_0000)
    #expect(seen.register("cr0") == 0x11)
    #expect(seen.lines == [])
    // As Xen 4.17 left them in the domain's memory.
    let blobs = try #require(seen.prediction?.blobs)
    #expect(blobs[0].bytes == Array("initrd\0".utf8))
    #expect(
      blobs[2].bytes == [0, 0x30, 0, 1, 0, 0, 0, 0, 0xfc, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0, 1]
        + [UInt8](
          repeating: 0, count: 12))
    #expect(
      blobs[3].bytes == [
        0x78, 0xc5, 0x6e, 0x33, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 8, 0x40, 0, 1, 0, 0, 0, 0, 0, 0x40, 0, 1, 0, 0, 0,
        0,
      ])
  }

  @Test func refusals() {
    let parse = "Unable to parse kernel for ELFNOTES"
    let failed = "Failed to load Dom0 kernel"
    let none = verdict { $0.notes = [.init(type: 6, bytes: Array("linux\0".utf8))] }
    let version = "ERROR: Xen will only load images built for Xen v3.0 (Not '')"
    #expect(none.lines == [version, parse, failed])
    let paravirtual = verdict {
      $0.fileEntry = 0x100_0000
      $0.notes = [.init(type: 6, bytes: Array("linux\0".utf8)), .init(type: 5, bytes: Array("xen-3.0\0".utf8))]
    }
    #expect(paravirtual.refusal == "Unable to find XEN_ELFNOTE_PHYS32_ENTRY address")
    let offset = verdict { $0.notes.append(.init(type: 4, bytes: Image.words(0, 8))) }
    #expect(offset.refusal == "ERROR: ELF_PADDR_OFFSET set, VIRT_BASE unset")
    let feature = verdict { $0.notes.append(.init(type: 10, bytes: Array("!nothing\0".utf8))) }
    #expect(feature.lines == [parse, failed])
    let bare = verdict { $0.notes = [] }
    #expect(bare.refusal == "ERROR: Not a Xen-ELF image: No ELF notes or '__xen_guest' section found")
    let text = verdict {
      $0.notes = []
      $0.guestText = "GUEST_OS=linux,XEN_VER=xen-3.0"
    }
    #expect(text.refusal == bare.refusal)
    let swapped = verdict { $0.byteOrder = 2 }
    #expect(swapped.lines.dropFirst() == ["Unable to init ELF", failed])
  }

  @Test func holesAreRefusedAndNote19DoesNotHelp() {
    for notes in [[], [Image.Note(type: 19, bytes: Image.words(0x20_0000, 12))]] {
      let hole = verdict {
        $0.segments[0].physical = 0x4020_0000
        $0.notes = [.init(type: 18, bytes: Image.words(0x4020_0000, 4))] + notes
      }
      #expect(
        hole.lines == [
          "Failed to load kernel: -1", "Xen dom0 kernel broken ELF: <NULL>", "Failed to load Dom0 kernel",
        ])
    }
  }

  @Test func entryIsTheLastNoteOf18() {
    let last = verdict { $0.notes.insert(.init(type: 18, bytes: Image.words(1, 4)), at: 0) }
    #expect(last.register("eip") == 0x100_0000)
    let foreign = verdict { $0.notes.append(.init(owner: "GNU", type: 18, bytes: Image.words(1, 4))) }
    #expect(foreign.register("eip") == 0x100_0000)
    // 32 bits of 64.
    let wide = verdict { $0.notes = [.init(type: 18, bytes: Image.words(0x5_0100_0000, 8))] }
    #expect(wide.register("eip") == 0x100_0000)
    let odd = verdict { $0.notes = [.init(type: 18, bytes: Image.words(0x100_0000, 3))] }
    #expect(odd.refusal == "ERROR: ELF start or entries are out of bounds")
    let section = verdict { $0.hasNoteSection = true }
    #expect(section.register("eip") == 0x100_0000)
  }

  @Test func entryMayBeTheEnd() {
    let end = verdict { $0.notes = [.init(type: 18, bytes: Image.words(0x100_3000, 4))] }
    #expect(end.register("eip") == 0x100_3000)
    #expect(kinds(end).contains(.entryOutsideImage))
    let beyond = verdict { $0.notes = [.init(type: 18, bytes: Image.words(0x100_3001, 4))] }
    #expect(beyond.refusal == "ERROR: ELF start or entries are out of bounds")
  }

  @Test func theLargerGapIsTaken() {
    func high(is64: Bool) -> XenVerdict {
      verdict {
        $0.is64 = is64
        $0.segments[0].physical = 0x1000_0000
        $0.notes = [.init(type: 18, bytes: Image.words(0x1000_0000, 4))]
      }
    }
    // 0xff00000 bytes from 1 MiB to the kernel, 0x5e000 from its end to 0x10061000: an empty command line takes a word.
    #expect(high(is64: true).register("ebx") == 0x10_0008)
    #expect(high(is64: false).register("ebx") == 0x10_0004)
  }

  @Test func aKernelThatBeginsInLowMemoryIsOverwritten() {
    let seen = verdict {
      $0.segments.insert(.init(physical: 0x1000, fileSize: 0x100, memorySize: 0x100), at: 0)
      $0.segments.append(.init(physical: 0x10_0000, fileSize: 0x100, memorySize: 0x100))
    }
    // 0x1000 - 0x100000 is enormous without a sign, so the gap below is taken, from 1 MiB on.
    #expect(seen.register("ebx") == 0x10_0008)
    #expect(kinds(seen).contains(.overlap))
  }

  @Test func countsHave32Bits() {
    // Nothing is cleared behind the file's bytes, but the kernel ends at 0x101001000, where no memory is.
    let seen = verdict { $0.segments[0].memorySize = 0x1_0000_1000 }
    #expect(seen.refusal == "Unable to copy guest command line")
    #expect(verdict { $0.segments[0].memorySize = 0x800 }.refusal == "Failed to load kernel: -1")
  }

  @Test func commandLinesAreCut() throws {
    let seen = verdict { $0.commandLine = String(repeating: "x", count: 1100) }
    #expect(try #require(seen.prediction?.blobs.first).bytes.count == 1024)
    #expect(seen.register("ebx") == 0x100_3400)
  }

  @Test func oldProtocolsHaveNoPayload() {
    let image = BzImageBuilder(version: 0x207, protectedMode: [UInt8](repeating: 0x90, count: 0x1000)).build()
    let seen = image.withRawSpan { XenPVH.dom0($0, XenPVHImage.plain().request) }
    #expect(
      seen.lines == [
        "Cannot load bzImage v2.07 at least v2.08 is required", "Error trying to detect bz compressed kernel",
        "Failed to load Dom0 kernel",
      ])
  }

  @Test func sourcesBehindTheFileAreNotFed() {
    var bytes = XenPVHImage.plain().build().kernel
    // p_offset of the first header.
    bytes.replaceSubrange(64 + 8..<64 + 16, with: Image.words(0x100_0000, 8))
    let seen = bytes.withRawSpan { XenPVH.dom0($0, XenPVHImage.plain().request) }
    #expect(seen.misbehaviour == "copies what lies in memory behind the image")
  }

  @Test func cutFilesAreAnsweredAtOnce() {
    let bytes = XenPVHImage.plain { $0.initrd = 3 }.build().kernel
    let request = XenPVHImage.plain().request
    for count in stride(from: 0, to: bytes.count, by: 7) {
      Array(bytes[..<count]).withRawSpan {
        for model in [XenPVH.load, XenPVH.domU] {
          if case .loads = model($0, request) { #expect(count > 64 + 56, "\(count) bytes") }
        }
      }
    }
  }
}
