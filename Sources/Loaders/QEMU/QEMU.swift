import Addresses
import BootProtocols
import KernelImage
import Placement

/// QEMU 7.2's `-kernel`. Placement by QEMU; on x86 its option ROMs copy what is not ELF after the firmware has run.
///
/// Modules are what `-initrd` names: for Multiboot each with its arguments, elsewhere only the first.
public enum QEMU {
  /// The machine `pc` (or `q35`, in memory below 2 GiB the same) of `qemu-system-x86_64`: whichever of the three
  /// readings QEMU's order gives. "HdrS" first, then the Multiboot magic, then ELF, then the oldest Linux
  /// (QEMU 7.2, hw/i386/x86.c, x86_load_linux).
  public static func x86(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    if image.byteCount == 0 {
      return .refuses(
        Refusal(
          "qemu: could not load kernel '\(request.imageName)'", evidence: "the file is empty",
          rule: Rule("a kernel has bytes", source: QEMULinux.source)))
    }
    if image.load(UInt32.self, at: 0x202) == QEMULinux.magic { return QEMULinux.load(image, request) }
    if let outcome = QEMUMultiboot.load(image, request) { return outcome }
    if image.load(UInt32.self, at: 0) == 0x464c_457f { return QEMUPVH.load(image, request) }
    return QEMULinux.load(image, request)
  }

  /// What ``x86(_:_:)`` says, as the model of Multiboot (Multiboot Specification 0.6.96).
  public static func multiboot(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    taken(.qemuMultiboot, x86(image, request), by: image)
  }

  /// What ``x86(_:_:)`` says, as the model of PVH (Xen, docs/misc/pvh.pandoc).
  public static func pvh(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    taken(.qemuPVH, x86(image, request), by: image)
  }

  /// What ``x86(_:_:)`` says, as the model of Linux's boot protocol (Documentation/arch/x86/boot.rst).
  public static func linux(_ image: RawSpan, _ request: LoaderRequest) -> LoaderOutcome {
    taken(.qemuLinux, x86(image, request), by: image)
  }

  /// QEMU takes the image by another protocol: that is no to this one.
  private static func taken(_ name: LoaderName, _ outcome: LoaderOutcome, by image: RawSpan) -> LoaderOutcome {
    guard case .loads(let prediction) = outcome, prediction.loader != name else { return outcome }
    return .refuses(
      Refusal(
        "", evidence: "QEMU boots this image as \(prediction.loader.rawValue)",
        rule: Rule("HdrS, then the Multiboot header, then ELF", source: QEMULinux.source)))
  }
}

/// Why QEMU does not come to the kernel.
enum QEMUStop: Error {
  case refusal(Refusal)
  case misbehaviour(Misbehaviour)

  static func refuses(_ words: String, _ evidence: String, _ rule: String, _ source: String) -> QEMUStop {
    .refusal(Refusal(words, evidence: evidence, rule: Rule(rule, source: source)))
  }

  static func misbehaves(_ effect: String, _ evidence: String, _ rule: String, _ source: String) -> QEMUStop {
    .misbehaviour(Misbehaviour(effect, evidence: evidence, rule: Rule(rule, source: source)))
  }
}

extension LoaderOutcome {
  init(qemu load: () throws(QEMUStop) -> LoadPlan) {
    do throws(QEMUStop) {
      self = .loads(try load())
    } catch {
      switch error {
      case .refusal(let refusal): self = .refuses(refusal)
      case .misbehaviour(let misbehaviour): self = .misbehaves(misbehaviour)
      }
    }
  }
}

extension LoadPlan {
  /// Adds bytes that QEMU makes, and returns their index.
  mutating func addBlob(_ name: String, _ bytes: [UInt8]) -> Int {
    blobs.append(Blob(name: name, bytes: bytes))
    return blobs.count - 1
  }

  /// Says where the kernel begins, where no byte of it lies there.
  mutating func remarkEntry(inside: Bool, _ address: UInt64) {
    guard !inside else { return }
    remarks.append(
      Remark(
        .entryOutsideImage, "the entry \(hex(address)) lies in no loaded byte",
        rule: Rule("the entry is not compared with the segments", source: QEMUELF.source)))
  }

  /// Names the modules from an index on that are left out.
  mutating func remarkIgnored(_ modules: ArraySlice<LoaderRequest.Module>, _ reason: String) {
    for module in modules {
      remarks.append(
        Remark(
          .moduleIgnored, "module \(module.name) is not handed over: \(reason)",
          rule: Rule(reason, source: "QEMU 7.2, -initrd")))
    }
  }
}
