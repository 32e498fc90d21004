public import Addresses
public import BootProtocols
import KernelImage
public import Placement

/// What Perch's bare loader will do with a kernel: the same functions that it calls on its machine, called on a desk.
public struct BarePrediction: Sendable {
  /// What the processor has of what a command line can ask for.
  public struct Processor: Sendable {
    public var features: ProcessorFeatures
    public var hasGigabytePages: Bool

    public init(features: ProcessorFeatures, hasGigabytePages: Bool) {
      self.features = features
      self.hasGigabytePages = hasGigabytePages
    }

    /// QEMU's `max` under its own translator.
    public static var everything: Processor {
      Processor(features: [.fiveLevelPaging, .smep, .smap, .umip, .globalPages], hasGigabytePages: true)
    }
  }

  /// The kernel's file, and what is asked for it.
  public let kernel: ModuleKernel
  public let plan: LoadPlan

  /// - Parameters:
  ///   - environment: what the loader finds.
  ///   - loader: the memory that the loader takes.
  ///   - image: the kernel's file.
  ///   - drawnSeed: what the loader draws where its command line has no seed and does not forbid it.
  /// - Throws: ``BareRefusal``, with the error whose sentence the loader prints.
  public init(
    in environment: BootEnvironment, loader: PhysicalRange, image: RawSpan, drawnSeed: UInt64? = nil,
    processor: Processor = .everything
  ) throws(BareRefusal) {
    let words: LoaderCommandLine
    do throws(LoaderCommandLineError) {
      words = try LoaderCommandLine(parsing: environment.commandLine)
    } catch {
      throw .commandLine(error)
    }
    let elf: ELFImage
    do throws(PlanError) {
      var kernel = try ModuleKernel(
        in: environment, words, loader: loader, seed: words.drawsNothing ? nil : words.seed ?? drawnSeed,
        processor: words.processor.intersection(processor.features))
      if words.allowsHugePages, !processor.hasGigabytePages { kernel.request.directMapPage = .size2MiB }
      self.kernel = kernel
    } catch {
      throw .plan(error)
    }
    do throws(ParseError) {
      elf = try ELFImage(elf: ELFFile(parsing: image), bytes: image)
    } catch {
      throw .image(error)
    }
    do throws(PlanError) {
      plan = try PerchLoader.plan(elf: elf, bytes: image, request: kernel.request)
    } catch {
      throw .plan(error)
    }
  }
}

extension BarePrediction {
  /// The memory that a loader takes where it was linked: from its first segment to the end of its last.
  ///
  /// - Throws: ``BareRefusal/image(_:)`` for a file that is no ELF file or loads nothing.
  public static func extent(ofLoader file: RawSpan) throws(BareRefusal) -> PhysicalRange {
    do throws(ParseError) {
      let segments = try ELFFile(parsing: file).programHeaders.filter { $0.type == .load }
      let start = segments.map(\.physicalAddress).min() ?? 0
      let end = segments.map { $0.physicalAddress &+ $0.memorySize.value }.max() ?? 0
      guard start < end, let range = try? PhysicalAddress(checking: start),
        let extent = PhysicalRange(start: range, count: ByteCount(end - start))
      else {
        throw ParseError(.invalidValue, field: "p_paddr", at: 0, found: start, allowed: .rule("a loader's image"))
      }
      return extent
    } catch {
      throw .image(error)
    }
  }
}
