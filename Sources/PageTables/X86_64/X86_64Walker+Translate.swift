import AddressSpace
public import Addresses

extension X86_64Walker {
  /// Translates one address and keeps every entry on the way.
  public func translate(_ address: VirtualAddress) -> Translation {
    var steps: [Translation.Step] = []
    let outcome = resolve(address) { steps.append($0) }
    return Translation(address: address, steps: steps, outcome: outcome)
  }

  /// Translates one address without keeping the way. Allocates nothing.
  public func resolve(_ address: VirtualAddress) -> Resolution {
    resolve(address) { _ in }
  }

  private func resolve(_ address: VirtualAddress, onStep: (Translation.Step) -> Void) -> Resolution {
    do throws(WalkFault) {
      return .mapped(try walk(to: address, onStep: onStep))
    } catch {
      return .fault(error)
    }
  }

  private func walk(
    to address: VirtualAddress, onStep: (Translation.Step) -> Void
  ) throws(WalkFault) -> MappedByte {
    var level = mode.rootLevel
    guard address.isCanonical(bits: mode.virtualBits) else {
      throw WalkFault(reason: .notCanonical, level: level, virtual: address, entryAddress: root, value: 0)
    }
    var table = root
    var rights = EffectiveRights.all
    while true {
      let step = try entry(address.tableIndex(at: level), of: table, at: level, for: address, onEntry: onStep)
      rights = rights.narrowed(by: step.entry)
      switch step.target {
      case .table(let next):
        table = next
        level = level.below
      case .page(let page, let size):
        return MappedByte(
          physical: PhysicalAddress(unchecked: page.value | (address.value & size.alignment.mask)), pageSize: size,
          rights: rights, memoryType: step.entry.memoryType(of: size))
      }
    }
  }
}
