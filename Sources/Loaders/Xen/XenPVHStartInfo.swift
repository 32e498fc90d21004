import AddressSpace
import Addresses
import Placement

/// The segment "HVM start info" of libxenguest 4.17 (tools/libs/guest/xg_dom_x86.c, alloc_magic_pages_hvm and
/// bootlate_hvm; xen/include/public/arch-x86/hvm/start_info.h).
///
///     hvm_start_info (56) | command line, to 8 | 2 × hvm_modlist_entry (32) | 2 × 1024 for modules' strings | memory map
struct XenDomUStartInfo {
  private let place: UInt64
  private let commandLine: [UInt8]
  private let map: [MemoryMap.Entry]

  init(_ request: LoaderRequest, at place: UInt64) {
    self.place = place
    let bytes = Array(request.commandLine.utf8) + [0]
    commandLine = bytes + Array(repeating: 0, count: (8 - bytes.count & 7) & 7)
    map = request.machine.entries
  }

  private var moduleList: UInt64 { place &+ 56 &+ UInt64(commandLine.count) }
  private var memoryMap: UInt64 { moduleList &+ 2 * (32 + 1024) }
  /// In bytes.
  var size: UInt64 { memoryMap &+ UInt64(map.count * 24) &- place }

  /// What is known, in the order of addresses: everything but rsdp_paddr.
  func blobs(module: UInt64, pages size: UInt64) -> [Blob] {
    // A list is named only where a module is in it.
    let hasModule = size > 0
    let head: [UInt64] = [
      0x336e_c578 | 1 << 32, hasModule ? 1 << 32 : 0, hasModule ? moduleList : 0, place &+ 56,
    ]
    let rows = map.flatMap { [$0.range.start.value, $0.range.count.value, UInt64($0.kind.rawValue)] }
    return [
      Blob(name: "start info", bytes: XenPVHBlock.words(head)),
      Blob(
        name: "start info, memory map and command line",
        bytes: XenPVHBlock.words([memoryMap, UInt64(map.count)]) + commandLine),
      Blob(name: "module list", bytes: XenPVHBlock.words(hasModule ? [module, size, 0, 0] : [0, 0, 0, 0])),
      Blob(name: "memory map", bytes: XenPVHBlock.words(rows)),
    ]
  }

  /// Where the blobs go; what lies between them, and up to the end of the last page, is zero.
  func pieces(_ blobs: [Blob], zeroTo end: UInt64) -> [Piece] {
    let starts = [place, place &+ 40, moduleList, memoryMap]
    return zip(starts, blobs).enumerated().map { index, item in
      let count = UInt64(item.1.bytes.count)
      let next = index == 0 ? item.0 &+ count : index + 1 < starts.count ? starts[index + 1] : end
      return Piece(
        source: .blob(index), destination: XenPVHDomU.range(item.0, count),
        zeroFill: ByteCount(next &- item.0 &- count), owner: item.1.name)
    }
  }
}
