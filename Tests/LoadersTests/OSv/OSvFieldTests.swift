import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport
import Testing

/// The kernel that owned 0x200000 and the one that moved 1 GiB up, in the loaders of the field.
@Suite struct OSvFieldTests {
  enum Answer {
    case refuses(String)
    /// The mode, the entry, and start and size of the kernel's one place.
    case enters(EntryState.Mode, UInt64, kernel: [UInt64])
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var loader: LoaderName
    var old, new: Answer
    var testDescription: String { loader.rawValue }
  }

  /// The segment has 0x5000 bytes in the file and 0x8000 in memory, at 0x200000 in both; only p_vaddr moved.
  private static let file: [UInt64] = [0x20_0000, 0x5000]
  private static let memory: [UInt64] = [0x20_0000, 0x8000]
  private static let withoutNote = "Error loading uncompressed kernel without PVH ELF Note"

  private static let cases: [Case] = [
    Case(
      loader: .grubMultiboot, old: .refuses("no multiboot header found"), new: .refuses("no multiboot header found")),
    Case(
      loader: .grubMultiboot2, old: .refuses("no multiboot header found"), new: .refuses("no multiboot header found")),
    // By note 18, whose value is the physical address: 0x40201040 - 0x40000000.
    Case(loader: .qemuPVH, old: .refuses(withoutNote), new: .enters(.protected32, 0x20_1040, kernel: memory)),
    // Nothing is zeroed behind p_filesz.
    Case(
      loader: .firecracker, old: .enters(.long64, 0x20_1000, kernel: file),
      new: .enters(.protected32, 0x20_1040, kernel: file)),
    Case(
      loader: .cloudHypervisor, old: .refuses("KernelMissingPvhHeader"),
      new: .enters(.protected32, 0x20_1040, kernel: file)),
    // e_entry as it is: start32 in the old file, the 64-bit entry in the new one; p_memsz in whole pages.
    Case(
      loader: .kexec, old: .enters(.long64, 0x20_1000, kernel: memory), new: .enters(.long64, 0x20_1100, kernel: memory)
    ),
    // 0x40200000 is as low as 0x200000 to who wants 0xffffffff80000000.
    Case(
      loader: .limine, old: .refuses("elf: Lower half PHDRs are not allowed"),
      new: .refuses("elf: Lower half PHDRs are not allowed")),
    // Neither has a note that a paravirtual domain enters by.
    Case(
      loader: .xenPV, old: .refuses("ERROR: Not a Xen-ELF image: No ELF notes or '__xen_guest' section found"),
      new: .refuses(
        "ERROR: Will only load images built for the generic loader or Linux images (Not '' and '') or with PHYS32_ENTRY set"
      )),
    Case(
      loader: .arm64Image, old: .refuses("no Image magic"), new: .refuses("no Image magic")),
  ]

  @Test(arguments: cases) func field(each: Case) {
    let request = LoaderRequest(ramRanges: [0..<0xa_0000, 0x10_0000..<0x2000_0000])
    for (image, answer) in [(OSvTwin.old, each.old), (OSvTwin.new, each.new)] {
      let outcome = image.withRawSpan { each.loader.model($0, request) }
      switch answer {
      case .refuses(let words): #expect(outcome.statedRefusal?.words == words)
      case .enters(let mode, let entry, let kernel):
        #expect(outcome.loadedPrediction?.entry.mode == mode)
        #expect(outcome.loadedPrediction?.entry.address == entry)
        #expect(outcome.loadedPrediction?.extentsByStart.contains(kernel) == true, "\(outcome)")
      }
    }
  }

  /// Whoever wants no such kernel says so, in words of its own. Firecracker, kexec and Perch enter any ELF64 at e_entry:
  /// nothing in the file says that its code is for 32 bits.
  @Test(arguments: LoaderName.allCases.filter { ![.firecracker, .kexec, .perch].contains($0) })
  func theOldKernelStaysWithItsOwnLoader(loader: LoaderName) {
    let request = LoaderRequest(ramRanges: [0..<0xa_0000, 0x10_0000..<0x2000_0000])
    let outcome = OSvTwin.old.withRawSpan { loader.model($0, request) }
    let isClean = outcome.loadedPrediction?.remarks.isEmpty == true
    #expect(isClean == (loader == .osvLow), "\(outcome)")
  }
}
