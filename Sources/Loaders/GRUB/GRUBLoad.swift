import Addresses
import BootProtocols
import KernelImage
import Placement

/// An image on its way into memory: what the commands leave behind for `boot`.
struct GRUBLoad {
  let request: LoaderRequest
  /// Of the Multiboot specification: 1 or 2.
  let version: Int
  var relocator: GRUBRelocator
  var relocatable: GRUBRelocatable?
  /// The lowest address of the image: as linked, and as loaded.
  var linkBase: UInt32 = .max
  var loadBase: UInt32 = .max
  var entry: UInt32 = 0
  /// Bytes of the section headers that are handed over.
  var sectionTableSize: UInt32 = 0
  var prediction: LoadPlan

  init(loader: LoaderName, request: LoaderRequest, version: Int) {
    self.request = request
    self.version = version
    relocator = GRUBRelocator(machine: request.machine)
    prediction = LoadPlan(
      loader: loader, reading: "", machine: request.machine, entry: EntryState(mode: .protected32, address: 0))
  }

  /// The source file that reads this version's header.
  var header: GRUBSource { version == 1 ? .version1 : .version2 }

  /// The entry address tag wins over the ELF header.
  mutating func override(entry: UInt32) {
    self.entry = entry
    prediction.decisions.append(
      Decision("entry", choice: hex(entry), because: "the entry address tag wins over e_entry"))
  }

  /// Every entry of a relocated image moves as far as the image did.
  mutating func shiftEntry() {
    guard relocatable != nil else { return }
    entry = entry &+ (loadBase &- linkBase)
  }

  /// Adds a piece; an empty one is left out.
  mutating func add(
    _ source: Piece.Source, at target: UInt32, _ count: UInt64, zeroFill: UInt64 = 0, owner: String
  ) {
    guard count > 0 || zeroFill > 0 else { return }
    prediction.pieces.append(
      Piece(source: source, destination: Self.range(target, count), zeroFill: ByteCount(zeroFill), owner: owner))
  }

  static func range(_ start: UInt32, _ count: UInt64) -> PhysicalRange {
    PhysicalRange(uncheckedStart: PhysicalAddress(unchecked: UInt64(start)), count: ByteCount(count))
  }

  static func bytes(_ offset: UInt64, _ count: UInt64) -> Piece.Source {
    .image(FileRange(uncheckedStart: FileOffset(unchecked: offset), count: ByteCount(count)))
  }

  /// Checks that a chunk more can be followed.
  func checkLimit(_ evidence: @autoclosure () -> String) throws(GRUBStop) {
    guard relocator.chunks.count >= 1024 else { return }
    throw .misbehaves(
      "is not predicted", evidence(), "More than 1024 pieces are not followed.", .relocator)
  }

  /// One place for the whole of a relocatable image.
  mutating func placeWhole(_ tag: GRUBRelocatable, size: UInt32) throws(GRUBStop) {
    let evidence =
      "relocatable tag, min_addr \(hex(tag.least)), max_addr \(hex(tag.greatest)), "
      + "align \(hex(tag.alignment)); load size \(hex(size))"
    guard size <= tag.greatest, tag.least <= tag.greatest - size else {
      throw .refuses(
        "invalid min/max address and/or load size", evidence,
        "The image must fit between min_addr and max_addr.", header)
    }
    loadBase = try relocator.place(
      from: tag.least, upTo: tag.greatest - size, size: size, alignment: tag.effectiveAlignment,
      preferHigh: tag.preference == 2, preferLow: tag.preference == 1, evidence)
    prediction.decisions.append(
      Decision(
        "physical place", choice: hex(loadBase),
        because: evidence + ", preference \(tag.preference): "
          + (tag.preference == 2 ? "the highest place below GRUB's own memory" : "the lowest free place")))
  }
}
