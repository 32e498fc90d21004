import Addresses

/// The notes of owner "GNU" (Linux Extensions to gABI; glibc's elf.h).
enum GNUNote {
  static func meaning(type: UInt32, of descriptor: FileRange, in bytes: RawSpan) -> NoteMeaning? {
    switch type {
    case 1: NoteMeaning(name: "ABI_TAG", value: abiTag(descriptor, in: bytes))
    case 2: NoteMeaning(name: "HWCAP", value: .undecoded)
    case 3: NoteMeaning(name: "BUILD_ID", value: .raw(descriptor, in: bytes))
    case 4: NoteMeaning(name: "GOLD_VERSION", value: .string(descriptor, in: bytes))
    case 5: NoteMeaning(name: "PROPERTY_TYPE_0", value: .undecoded)
    default: nil
    }
  }

  private static func abiTag(_ descriptor: FileRange, in bytes: RawSpan) -> NoteMeaning.Value {
    let start = descriptor.start.value
    guard descriptor.count.value == 16,
      let system = bytes.load(UInt32.self, at: start), let major = bytes.load(UInt32.self, at: start &+ 4),
      let minor = bytes.load(UInt32.self, at: start &+ 8), let patch = bytes.load(UInt32.self, at: start &+ 12)
    else { return .undecoded }
    return .operatingSystem(system, major: major, minor: minor, patch: patch)
  }
}

/// The notes of owner "Linux" (include/linux/elfnote.h, elfnote-lto.h, build-salt.h).
enum LinuxNote {
  static func meaning(type: UInt32, of descriptor: FileRange, in bytes: RawSpan) -> NoteMeaning? {
    switch type {
    case 0: NoteMeaning(name: "VERSION", value: .integer(descriptor, in: bytes))
    case 0x100: NoteMeaning(name: "BUILD_SALT", value: .string(descriptor, in: bytes))
    case 0x101: NoteMeaning(name: "LTO_INFO", value: .integer(descriptor, in: bytes))
    default: nil
    }
  }
}
