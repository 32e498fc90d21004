import Addresses
import PageTables

/// A row of a table of translations: a run, or the part of one that belongs to one owner.
struct Stretch {
  var virtual: VirtualRange
  var physical: PhysicalAddress
  var pageSize: PageSize
  var rights: EffectiveRights
  var attributes: PageAttributes

  init(_ run: TranslationRun) {
    virtual = run.virtual
    physical = run.physical
    pageSize = run.pageSize
    rights = run.rights
    attributes = run.attributes
  }

  /// `count` bytes of the stretch, from `offset` on.
  func part(from offset: UInt64, count: UInt64) -> Stretch {
    var part = self
    part.virtual = VirtualRange(
      uncheckedStart: VirtualAddress(unchecked: virtual.start.value &+ offset), count: ByteCount(count))
    part.physical = PhysicalAddress(unchecked: physical.value &+ offset)
    return part
  }

  /// Pages that are there in part, as when a group of entries is not complete, count as whole.
  private var pageCount: UInt64 {
    let shift = UInt64(pageSize.rawValue)
    return virtual.count.value >> shift + (virtual.count.value & pageSize.alignment.mask == 0 ? 0 : 1)
  }

  static let columns: [Grid.Column] = [
    .init("virtual", "virtual"),
    .init("size", "size", for: .people),
    .init("physicalStart", "physical", for: .people),
    .init("physical", "", for: .programs),
    .init("pages", "pages", for: .people),
    .init("pageSize", "", for: .programs),
    .init("pageCount", "", for: .programs),
    .init("supervisor", "supervisor"),
    .init("user", "", for: .programs),
    .init("userIfAny", "user", for: .people),
    .init("memoryType", "type"),
    .init("writableAndExecutable", "", for: .programs),
    .init("isGlobal", "", for: .programs),
    .init("isContiguous", "", for: .programs),
    .init("shareability", "", for: .programs),
    .init("protectionKey", "", for: .programs),
    .init("remarks", "", for: .people),
  ]

  func row(_ types: MemoryTypeNames) -> [Value] {
    let physicalRange = PhysicalRange(uncheckedStart: physical, count: virtual.count)
    return [
      .range(virtual), .size(virtual.count), .address(physical), .range(physicalRange),
      .text(Size.times(pageCount, pageSize.byteCount.value)), .size(pageSize.byteCount), .count(pageCount),
      rights.supervisor, rights.user, rights.isUser ? rights.user : .none, attributes.memoryTypeValue(types),
      .flag(rights.isWritableAndExecutable), .flag(attributes.isGlobal), .flag(attributes.isContiguous),
      .count(UInt64(attributes.shareability)), .count(UInt64(attributes.protectionKey)), remarks,
    ]
  }

  private var remarks: Value {
    var words = attributes.remarks
    if rights.isWritableAndExecutable { words.insert("W+X", at: 0) }
    let text = Value.text(words.joined(separator: " "))
    return rights.isWritableAndExecutable ? .painted(text, .writableExecutable) : text
  }
}

extension EffectiveRights {
  /// "rw-": what the supervisor may do.
  var supervisor: Value { Self.letters(rawValue & 7) }
  /// What unprivileged programs may do.
  var user: Value { Self.letters(rawValue >> 3 & 7) }

  private static func letters(_ bits: UInt8) -> Value {
    let text = (bits & 1 != 0 ? "r" : "-") + (bits & 2 != 0 ? "w" : "-") + (bits & 4 != 0 ? "x" : "-")
    let roles: [Role] = [
      .dim, .readable, .writable, .writable, .executable, .executable, .writableExecutable, .writableExecutable,
    ]
    return .painted(.text(text), roles[Int(bits)])
  }
}

extension PageAttributes {
  /// What a reader of a row wants to know beyond the memory type.
  var remarks: [String] {
    var words: [String] = []
    if isGlobal { words.append("global") }
    if isContiguous { words.append("contiguous") }
    if protectionKey != 0 { words.append("key \(protectionKey)") }
    return words
  }

  func memoryTypeValue(_ types: MemoryTypeNames) -> Value {
    .spelled(
      text: types.text(of: memoryType),
      json: .members([
        "index": .count(UInt64(memoryType.rawValue)),
        "name": types.name(of: memoryType).map { .string($0) } ?? .null,
      ]))
  }
}
