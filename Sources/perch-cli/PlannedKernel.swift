import Addresses
import Codecs
import KernelImage
import Placement
import Reporting

/// A kernel, its modules, and the plan made of them: what plan, boot and pack share.
struct PlannedKernel {
  let image: InputImage
  let kernel: KernelFile
  let modules: ModuleFiles
  let plan: LoadPlan
  /// The options that describe memory as another program left it.
  private let residentOptions: [String]

  /// - Parameter seed: what the places are drawn from; nil: what the options say.
  init(_ path: String, options: PlanOptions, channels: Channels, seed: UInt64? = nil) throws(Failure) {
    image = try InputImage(path: path, limits: DecompressionLimits(cap: options.maxSize.count), channels: channels)
    kernel = try image.kernel()
    residentOptions = options.bare.resident
    modules = try options.modules()
    let request = try options.request(modules: modules, seed: seed ?? options.seed())
    plan = try Self.plan(kernel, image: image, kind: options.kind, request: request)
  }

  private static func plan(
    _ kernel: KernelFile, image: InputImage, kind: PlanOptions.Kind, request: PlanRequest
  ) throws(Failure) -> LoadPlan {
    let isLinux =
      switch kind {
      case .linux: true
      case .elf: false
      case .auto: kernel.setup != nil || LinuxImage.recognises(kernel.elf)
      }
    let elf = isLinux ? nil : try elfImage(kernel, path: image.path)
    do throws(PlanError) {
      guard let elf else {
        return try PerchLoader.plan(
          linux: LinuxImage(
            elf: kernel.elf, relocations: kernel.relocations, setup: kernel.setup, setupBytes: kernel.setupBytes,
            unpackedSize: kernel.size), request: request)
      }
      return try kernel.withBytes { (bytes) throws(PlanError) in
        try PerchLoader.plan(elf: elf, bytes: bytes, request: request)
      }
    } catch {
      throw Failure(error, path: image.path)
    }
  }

  private static func elfImage(_ kernel: KernelFile, path: String) throws(Failure) -> ELFImage {
    do throws(ParseError) {
      return try kernel.withBytes { (bytes) throws(ParseError) in try ELFImage(elf: kernel.elf, bytes: bytes) }
    } catch {
      throw Failure(error, path: path)
    }
  }

  /// Lays the capsule out. It brings every byte along.
  func capsule() throws(Failure) -> Capsule {
    if let option = residentOptions.first {
      throw Failure(
        PlanError(
          .badRequest, "\(option) describes memory as another loader left it, which a machine that starts has not",
          help: "use perch plan"), path: image.path)
    }
    do throws(PlanError) { return try Capsule(plan) } catch { throw Failure(error, path: image.path) }
  }

  /// Writes the capsule into memory that is as long as it and all zero.
  func write(_ capsule: Capsule, into file: inout MutableRawSpan) throws(Failure) {
    do throws(PlanError) {
      // The closure borrows the image's bytes; the file is this function's to change.
      try kernel.withBytes { (bytes) throws(PlanError) in
        try capsule.write(plan, into: &file, image: bytes, modules: modules)
      }
    } catch {
      throw Failure(error, path: image.path)
    }
  }
}
