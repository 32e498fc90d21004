import Addresses

extension SetupHeader {
  /// A field as the image holds it, with what its value means.
  public struct DecodedField: Sendable {
    public let field: SetupField
    /// In bytes, under the image's version.
    public let size: UInt64
    public let value: UInt64
    /// The value in words; empty when the number says it all.
    public let meaning: String
  }

  /// Every field that the image's protocol version defines, in file order.
  public var fields: [DecodedField] {
    var decoded: [DecodedField] = []
    for field in SetupField.allCases {
      guard let value = self[field] else { continue }
      decoded.append(
        DecodedField(
          field: field, size: field.size(version: version), value: value, meaning: meaning(of: field, value: value)))
    }
    return decoded
  }

  /// The version as people write it: "2.15".
  public var versionText: String {
    let minor = version & 0xff
    return "\(version >> 8)." + (minor < 10 ? "0" : "") + "\(minor)"
  }

  private func meaning(of field: SetupField, value: UInt64) -> String {
    switch field {
    case .setupSectorCount: "\((setupSectorCount + 1) * 512) bytes of boot sector and setup code"
    case .rootFlags: value == 0 ? "root read-write" : "root read-only"
    case .systemSize: "\(value * 16) bytes of protected-mode code"
    case .videoMode: Self.videoMode(value)
    case .header: "HdrS"
    case .version: "protocol " + versionText
    case .jump: "the header ends at " + hexadecimal(headerRange.endValue)
    case .kernelVersion: kernelVersion ?? (value == 0 ? "no text" : "outside the setup code")
    case .loaderType: Self.loaderType(value)
    case .loadFlags: Self.joined(loadFlags.names)
    case .extendedLoadFlags: Self.joined(extendedLoadFlags.names)
    case .relocatableKernel: isRelocatable ? "runs at any aligned address" : "runs at one address only"
    case .minimumAlignment: value < 64 ? "\(hexadecimal(UInt64(1) << value)) bytes" : "no alignment"
    case .hardwareSubarchitecture: Self.subarchitecture(value)
    case .payloadOffset: "from the start of the protected-mode code"
    case .handoverOffset: value == 0 ? "no EFI handover entry" : "EFI handover entry, from the image's start"
    default: ""
    }
  }

  private static func videoMode(_ value: UInt64) -> String {
    switch value {
    case 0xffff: "normal"
    case 0xfffe: "extended"
    case 0xfffd: "ask"
    default: ""
    }
  }

  private static func subarchitecture(_ value: UInt64) -> String {
    switch value {
    case 0: "PC"
    case 1: "lguest"
    case 2: "Xen"
    case 3: "Moorestown"
    case 4: "CE4100"
    default: "unknown"
    }
  }

  /// The loader's number is in the high four bits of `type_of_loader`.
  private static func loaderType(_ value: UInt64) -> String {
    if value == 0xff { return "undefined" }
    return switch value >> 4 {
    case 0x0: "LILO, or none yet"
    case 0x1: "Loadlin"
    case 0x2: "boot sector"
    case 0x3: "Syslinux"
    case 0x4: "iPXE"
    case 0x5: "ELILO"
    case 0x7: "GRUB"
    case 0x8: "U-Boot"
    case 0x9: "Xen"
    case 0xa: "Gujin"
    case 0xb: "QEMU"
    case 0xc: "Arcturus"
    case 0xd: "kexec"
    case 0xe: "see ext_loader_type"
    default: "unknown"
    }
  }

  private static func joined(_ names: [String]) -> String {
    var text = ""
    for name in names { text += text.isEmpty ? name : " | " + name }
    return text
  }
}
