import AddressSpace
import Addresses
import BootProtocols
import KernelImage
import Loaders
import Placement
import TestSupport

/// The images of the cases, and how they are asked about.
enum XenImages {
  static let guest = "GUEST_OS=linux,XEN_VER=xen-3.0,VIRT_BASE=0x40000000"

  /// (p_vaddr, p_paddr, p_filesz, p_memsz) in the order of the headers.
  typealias Load = (virtual: UInt64, physical: UInt64, fileSize: UInt64, memorySize: UInt64)

  /// OpenSolaris' 64-bit kernel for Xen: its start-up code runs where it lies, text and data are linked high.
  static let solaris64: [Load] = [
    (0x4080_0000, 0x4080_0000, 0xed28, 0xed28),
    (0xffff_ffff_fb80_0000, 0x4000_0000, 0x39_adca, 0x39_adca),
    (0xffff_ffff_fbc0_0000, 0x4040_0000, 0x2_0fe9, 0xe_36c0),
  ]
  static let solaris32: [Load] = [
    (0x4080_0000, 0x4080_0000, 0xe95c, 0xe95c),
    (0xfb40_0000, 0x4000_0000, 0x2a_a362, 0x2a_a362),
    (0xfb80_0000, 0x4040_0000, 0x1_6515, 0x9_4a44),
  ]
  static let small: [Load] = [(0x4000_0000, 0x4000_0000, 0x1234, 0x5678)]

  static func builder(
    _ loads: [Load], entry: UInt64 = 0x4000_0000, bits: ELFClass = .bits64, machine: Machine? = nil,
    flags: SegmentFlags = [.read, .write, .execute], text: String? = nil
  ) -> ELFBuilder {
    var builder = ELFBuilder(class: bits, machine: machine ?? (bits == .bits64 ? .x86_64 : .i386), entry: entry)
    for load in loads {
      var bytes = [UInt8](repeating: 0x90, count: Int(load.fileSize))
      if entry >= load.physical, entry &- load.physical < load.fileSize / 2 {
        // A jump to itself.
        let place = Int(entry - load.physical)
        bytes[place] = 0xeb
        bytes[place + 1] = 0xfe
      }
      builder = builder.segment(
        flags: flags, virtual: load.virtual, physical: load.physical, bytes: bytes,
        memorySize: load.memorySize, alignment: 1)
    }
    guard let text else { return builder }
    return builder.section("__xen_guest", bytes: Array(text.utf8) + [0])
  }

  static func words(_ value: UInt64, _ size: Int = 8) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  /// The notes that every kernel needs, and numbers by type.
  static func noted(_ builder: ELFBuilder, _ numbers: [(XenNoteType, UInt64)] = []) -> ELFBuilder {
    var builder = builder.note(owner: "Xen", type: 6, descriptor: Array("linux\0".utf8))
      .note(owner: "Xen", type: 5, descriptor: Array("xen-3.0\0".utf8))
    for (type, value) in numbers {
      builder = builder.note(owner: "Xen", type: type.rawValue, descriptor: words(value))
    }
    return builder
  }

  static func request(mebibytes: UInt64 = 256, initrd: UInt64? = nil) -> LoaderRequest {
    let range = PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: 0), count: .mebibytes(mebibytes))
    return LoaderRequest(
      machine: MemoryMap(normalising: [.init(range: range, kind: .usable)]),
      modules: initrd.map { [.init(name: "initrd", size: ByteCount($0))] } ?? [])
  }

  static func verdict(
    _ builder: ELFBuilder, rules: XenRules = .modern, initrd: UInt64? = nil, host: XenHost = XenHost()
  ) -> XenVerdict {
    verdict(builder.build(), rules: rules, initrd: initrd, host: host)
  }

  static func verdict(
    _ image: [UInt8], rules: XenRules = .modern, initrd: UInt64? = nil, host: XenHost = XenHost()
  ) -> XenVerdict {
    image.withRawSpan { XenPV.dom0($0, request(initrd: initrd), rules: rules, host: host) }
  }
}

extension XenVerdict {
  var refusal: String? {
    guard case .refuses(let refusal) = outcome else { return nil }
    return refusal.words
  }

  var misbehaviour: String? {
    guard case .misbehaves(let misbehaviour) = outcome else { return nil }
    return misbehaviour.effect
  }

  var prediction: LoadPlan? {
    guard case .loads(let prediction) = outcome else { return nil }
    return prediction
  }

  /// "owner@start+bytes+zeros", pseudo-physical.
  var places: [String] {
    (prediction?.pieces ?? []).map {
      "\($0.owner)@\(String($0.destination.start.value, radix: 16))+\(String($0.destination.count.value, radix: 16))"
        + "+\(String($0.zeroFill.value, radix: 16))"
    }
  }

  func register(_ name: String) -> UInt64? {
    guard case .exactly(let value) = prediction?.entry.registers.first(where: { $0.name == name })?.value else {
      return nil
    }
    return value
  }
}
