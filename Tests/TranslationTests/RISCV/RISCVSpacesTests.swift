import AddressSpace
import Addresses
import PageTables
import TestSupport
import Testing

/// Tables that Perch builds for random address spaces, used by a hart. Where an address leads and what may be done
/// there is taken from the intents alone.
@Suite struct RISCVSpacesTests {
  /// Builds spaces one behind the other.
  private struct Builder {
    var generator: SeededGenerator
    var place = HartRAM.tables
    var tables: [PlacedTables] = []

    mutating func build(_ recipe: SpaceRecipe, _ state: inout HartState) -> (AddressSpace, BytesTableMemory) {
      var space = recipe.space(using: &generator)
      for size in recipe.pageSizes where size > .size64KiB { try? space.add(superpages(size)) }
      state.root = place
      let image = PageTableImage(building: space, format: state.format, at: PhysicalAddress(place))
      tables.append(PlacedTables(base: place, bytes: image.bytes))
      place += UInt64(image.bytes.count)
      precondition(place < HartRAM.tablesEnd, "room for the tables")
      return (space, BytesTableMemory(image))
    }

    /// Two pages of a size, with a small page before and behind: chance alone makes few large pages.
    private mutating func superpages(_ size: PageSize) -> MappingIntent {
      let count = size.byteCount.value
      // Both are multiples of 2 GiB.
      let virtual = UInt64.random(in: 8..<100, using: &generator) << 31
      let physical: UInt64 = 1 << 32
      return MappingIntent(
        virtual: VirtualRange(
          uncheckedStart: VirtualAddress(virtual - 4096), count: ByteCount(2 * count + 8192)),
        physical: PhysicalAddress(physical - 4096), access: .readWriteExecute(because: .segmentFlags),
        isUser: Bool.random(using: &generator), largestPage: size, name: "superpages")
    }

    /// The first and last bytes of mappings and of pages of all sizes in them, with their neighbours outside, and some
    /// addresses that nobody chose: in the mappings, in the translated range, and anywhere.
    mutating func addresses(_ space: AddressSpace, _ sizes: [PageSize]) -> [UInt64] {
      var places = Set(sizes.flatMap { space.boundaries(step: $0.byteCount.value) })
      for mapping in space.mappings {
        let offset = UInt64.random(in: 0..<mapping.virtual.count.value, using: &generator)
        places.insert(mapping.virtual.start.value &+ offset)
      }
      for _ in 0..<10 {
        let raw = generator.next()
        places.insert(raw)
        places.insert(space.mode.addressForm.extend(raw, bits: space.mode.virtualBits))
      }
      // Not translated: bits above the topmost one differ from it.
      places.insert(1 << UInt64(space.mode.virtualBits - 1))
      places.insert(~(1 << UInt64(space.mode.virtualBits)))
      return places.sorted()
    }
  }

  private func recipe(_ paging: RISCVPaging, mappings: Int, _ sizes: [PageSize]) -> SpaceRecipe {
    SpaceRecipe(mode: .riscv(paging), mappings: mappings, physical: HartRAM.frames, pageSizes: sizes)
  }

  private func model(_ space: AddressSpace) -> (UInt64) -> ModelByte? {
    { address in
      let mapping = space.mappings.first { $0.virtual.contains(VirtualAddress(address)) }
      return mapping.map {
        ModelByte(physical: $0.physical.value + (address - $0.virtual.start.value), kind: $0.kind)
      }
    }
  }

  /// How many of the addresses lie in a page of each size.
  private func pageSizes(
    at addresses: [UInt64], _ state: HartState, _ memory: BytesTableMemory
  ) -> [PageSize: Int] {
    let tables = TranslationTables(format: state.format, memory: memory, root: PhysicalAddress(state.root))
    return addresses.reduce(into: [:]) { counts, address in
      guard case .mapped(let byte) = tables.resolve(VirtualAddress(address)) else { return }
      counts[byte.pageSize, default: 0] += 1
    }
  }

  @Test(arguments: RISCVPaging.allCases)
  func randomSpaces(paging: RISCVPaging) throws {
    let sizes: [PageSize] = [.size4KiB, .size2MiB, .size1GiB]
    var builder = Builder(generator: SeededGenerator(seed: UInt64(paging.rawValue)))
    var trials: [HartTrial] = []
    var pages: [PageSize: Int] = [:]
    for number in 0..<4 {
      var state = HartState(paging: paging, root: 0)
      let (space, memory) = builder.build(recipe(paging, mappings: 12, sizes), &state)
      let addresses = builder.addresses(space, sizes)
      pages.merge(pageSizes(at: addresses, state, memory), uniquingKeysWith: +)
      trials += state.variants.map {
        HartTrial("space \(number)", state: $0, near: addresses, memory: memory, model: model(space))
      }
    }
    var judge = HartJudge(trials: trials, tables: builder.tables)
    let verdict = try judge.judge()
    #expect(verdict.disagreements.isEmpty, "\(verdict.summary)")
    #expect(sizes.allSatisfy { pages[$0, default: 0] > 5 }, "\(pages)")
    #expect(verdict.reached > 2000 && verdict.faulted > 2000, "\(verdict.reached), \(verdict.faulted)")
  }

  /// Svnapot and Svpbmt. A hart that did not know the groups would find another page for 15 of 16 members: all of them
  /// hold the same PPN. Memory types change nothing that an access shows, but without Svpbmt they are faults
  /// (``RISCVEntryTests``).
  @Test(arguments: RISCVPaging.allCases)
  func contiguousPagesAndMemoryTypes(paging: RISCVPaging) throws {
    let sizes: [PageSize] = [.size4KiB, .size64KiB, .size2MiB]
    var builder = Builder(generator: SeededGenerator(seed: 1000 + UInt64(paging.rawValue)))
    var trials: [HartTrial] = []
    var pages: [PageSize: Int] = [:]
    for number in 0..<4 {
      var state = HartState(paging: paging, root: 0, hasMemoryTypes: true, hasContiguousPages: true)
      let (space, memory) = builder.build(recipe(paging, mappings: 12, sizes), &state)
      let addresses = builder.addresses(space, sizes)
      pages.merge(pageSizes(at: addresses, state, memory), uniquingKeysWith: +)
      trials += [state.variants[0], state.variants[3]].map {
        HartTrial("space \(number)", state: $0, near: addresses, memory: memory, model: model(space))
      }
    }
    var judge = HartJudge(trials: trials, tables: builder.tables, features: ["svpbmt=on", "svnapot=on"])
    let verdict = try judge.judge()
    #expect(verdict.disagreements.isEmpty, "\(verdict.summary)")
    #expect(pages[.size64KiB, default: 0] > 30, "\(pages)")
    #expect(verdict.reached > 1000 && verdict.faulted > 1000, "\(verdict.reached), \(verdict.faulted)")
  }
}
