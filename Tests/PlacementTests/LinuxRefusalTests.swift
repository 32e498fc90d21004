import AddressSpace
import Addresses
import KernelImage
import Placement
import TestSupport
import Testing

/// What Linux's planner does not load.
@Suite struct LinuxRefusalTests {
  private let request = PlanRequest(.computer(128 * mebibyte))

  @Test func protocolsBefore212HaveNo64BitEntry() throws {
    #expect(try LinuxKernel(setup: .init(version: 0x20b)).refusal(request)?.code == .noEntry64)
    #expect(try LinuxKernel(setup: .init(version: 0x20a)).refusal(request)?.code == .noEntry64)
    #expect(try LinuxKernel(setup: .init(version: 0x20c)).refusal(request) == nil)
  }

  @Test func a32BitKernelHasNo64BitEntry() throws {
    let error = try LinuxKernel(setup: .init(extendedLoadFlags: 2)).refusal(request)
    #expect(error?.code == .noEntry64)
    #expect(error?.sentence.contains("XLF_KERNEL_64") == true)
  }

  @Test func theCommandLineFitsItsField() throws {
    func code(_ count: Int, _ kernel: LinuxKernel) throws -> PlanError.Code? {
      var request = request
      request.commandLine = String(repeating: "a", count: count)
      return try kernel.refusal(request)?.code
    }
    let kernel = LinuxKernel(setup: .init(commandLineSize: 255))
    #expect(try code(255, kernel) == nil)
    #expect(try code(256, kernel) == .badRequest)
    // COMMAND_LINE_SIZE of x86 is 2048 with its NUL.
    #expect(try code(2047, LinuxKernel()) == nil)
    #expect(try code(2048, LinuxKernel()) == .badRequest)
  }

  @Test func bytesCountAndNotCharacters() throws {
    var request = request
    request.commandLine = String(repeating: "ü", count: 128)
    #expect(try LinuxKernel(setup: .init(commandLineSize: 255)).refusal(request)?.code == .badRequest)
  }

  @Test func linuxTakesOneInitrd() throws {
    var request = request
    request.modules = [.init(name: "a", size: .kibibytes(4)), .init(name: "b", size: .kibibytes(4))]
    #expect(try LinuxKernel().refusal(request)?.code == .badRequest)
  }

  @Test func theEntryLiesInTheImage() throws {
    // The image takes [0x1000000, 0x2000000).
    #expect(try LinuxKernel(entry: 0x1ff_ffff).refusal(request) == nil)
    for entry in [0, 0xff_ffff, 0x200_0000, 0xffff_ffff_8200_0000, .max] as [UInt64] {
      #expect(try LinuxKernel(entry: entry).refusal(request)?.code == .wrongImage)
    }
  }

  @Test func theLinkAddressIsAligned() throws {
    #expect(try LinuxKernel(linkPhysical: 0x110_0000).refusal(request)?.code == .misaligned)
  }

  private func code(_ builder: ELFBuilder) throws -> PlanError.Code? {
    let bytes = builder.build()
    let elf = try bytes.withRawSpan { (span) throws(ParseError) in try ELFFile(parsing: span) }
    let image = LinuxImage(elf: elf, relocations: nil, unpackedSize: ByteCount(UInt64(bytes.count)))
    do throws(PlanError) {
      _ = try PerchLoader.plan(linux: image, request: request)
      return nil
    } catch { return error.code }
  }

  @Test func otherImagesAreRefused() throws {
    let text = [UInt8](repeating: 0x90, count: 16)
    func load(_ builder: ELFBuilder) -> ELFBuilder { builder.segment(virtual: 0x100_0000, bytes: text) }
    #expect(try code(load(ELFBuilder(entry: 0x100_0000))) == nil)
    #expect(try code(load(ELFBuilder(class: .bits32, entry: 0x100_0000))) == .wrongImage)
    #expect(try code(load(ELFBuilder(machine: Machine(rawValue: 183), entry: 0x100_0000))) == .wrongImage)
    #expect(try code(ELFBuilder(entry: 0x100_0000)) == .wrongImage)
    let twice = load(load(ELFBuilder(entry: 0x100_0000)))
    #expect(try code(twice) == .overlap)
    let endless = load(ELFBuilder(entry: 0x100_0000)).segment(
      virtual: 0x200_0000, physical: 0x000f_ffff_ffff_f000, memorySize: 0x2000)
    #expect(try code(endless) == .notUsable)
    let wrapping = load(ELFBuilder(entry: 0x100_0000)).segment(
      virtual: 0x200_0000, physical: 0x8_0000_0000, memorySize: 0xffff_ffff_0000_0000)
    #expect(try code(wrapping) == .notUsable)
  }
}
