import BootProtocols
import KernelImage
import Loaders
import Placement
@testable import RealLoaders
import TestSupport
import Testing

/// libxenguest 4.17 and kernels for PVH, by its source: no machine that can run it is at hand.
@Suite struct XenPVHDomUTests {
  private typealias Image = XenPVHImage

  private func outcome(_ change: (inout XenPVHImage) -> Void = { _ in }) -> LoaderOutcome {
    let image = XenPVHImage.plain(change)
    return image.build().kernel.withRawSpan { XenPVH.domU($0, image.request) }
  }

  private func refusal(_ change: (inout XenPVHImage) -> Void) -> String? {
    guard case .refuses(let refusal) = outcome(change) else { return nil }
    return refusal.words
  }

  @Test func pagesFollowEachOther() throws {
    let seen = outcome {
      $0.initrd = 0xefc
      $0.commandLine = "foo"
    }
    guard case .loads(let prediction) = seen else {
      Issue.record("\(seen)")
      return
    }
    let places = prediction.pieces.map {
      "\($0.owner)@\(String($0.destination.start.value, radix: 16))+\(String($0.extent.count.value, radix: 16))"
    }
    // 56 bytes, 8 of the command line, 2 * (32 + 1024), then 24 for each of two ranges of memory; the rest is zero.
    #expect(
      places == [
        "kernel@1000000+3000", "segment 0@1000000+1000", "segment 0@1001000+2000", "initrd@1003000+1000",
        "start info@1004000+20", "start info, memory map and command line@1004028+18", "module list@1004040+840",
        "memory map@1004880+780",
      ])
    let words = prediction.blobs.map { blob in
      stride(from: 0, to: blob.bytes.count, by: 8).map { start in
        blob.bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      }
    }
    // Magic and version 1; one module; its list; the command line. Then the map and its count.
    #expect(words[0] == [0x1_336e_c578, 1 << 32, 0x100_4040, 0x100_4038])
    #expect(words[1] == [0x100_4880, 2, 0x6f_6f66])
    #expect(words[2] == [0x100_3000, 0x1000, 0, 0])
    #expect(words[3] == [0, 0x9_f000, 1, 0x10_0000, 0xff6_1000, 1])
    #expect(prediction.entry.registers.first { $0.name == "ebx" }?.value == .exactly(0x100_4000))
  }

  @Test func anUnmappedInitrdComesLast() {
    let seen = outcome {
      $0.initrd = 0xefc
      $0.notes.append(.init(type: 16, bytes: Image.words(1, 4)))
    }
    guard case .loads(let prediction) = seen else {
      Issue.record("\(seen)")
      return
    }
    #expect(prediction.entry.registers.first { $0.name == "ebx" }?.value == .exactly(0x100_3000))
    #expect(prediction.pieces.first { $0.owner == "initrd" }?.destination.start.value == 0x100_4000)
  }

  @Test func refusals() {
    let unaligned = refusal {
      $0.segments[0].physical = 0x100_0010
      $0.notes = [.init(type: 18, bytes: Image.words(0x100_0010, 4))]
    }
    #expect(unaligned == "xc_dom_alloc_pad: segment boundary isn't page aligned (0x1000010)")
    // 256 MiB are 0x10000 pages; the padding takes 0x1000.
    #expect(
      refusal { $0.segments[0].memorySize = 0x1000_0000 }
        == "xc_dom_chk_alloc_pages: segment kernel too large (0x10000 > 0x10000 - 0x1000 pages)")
    #expect(refusal { $0.notes = [] } == "xc_dom_parse_hvm_kernel: ELF image is not 32bit")
    #expect(
      refusal { $0.notes.append(.init(type: 10, bytes: Array("!dom0\0".utf8))) }
        == "xc_dom_parse_elf_kernel: Kernel does not support unprivileged (DomU) operation")
    #expect(
      refusal {
        $0.fileEntry = 0x100_0000
        $0.notes = [.init(type: 6, bytes: Array("linux\0".utf8)), .init(type: 5, bytes: Array("xen-3.0\0".utf8))]
      } == "xc_dom_guest_type: image not capable of booting inside a HVM container")
  }

  @Test func firmwareOf32BitsNeedsNoNote() {
    let seen = outcome {
      $0.is64 = false
      $0.machine = 3
      $0.fileEntry = 0x100_0010
      $0.notes = []
    }
    guard case .loads(let prediction) = seen else {
      Issue.record("\(seen)")
      return
    }
    #expect(prediction.entry.address == 0x100_0010)
  }
}
