import CBaseline
import Perch
import Timing

/// Perch against the C baseline: the same image to the same place in the same memory, by turns.
struct Contest {
  let payload: Payload
  let plan: LoadPlan
  private let table: LinuxRelocations
  private let memory: UnsafeMutableRawBufferPointer
  private let lists: baseline_relocations

  init(_ payload: Payload, plan: LoadPlan) throws {
    guard case .linuxTable(let table) = plan.relocations, let range = payload.image.relocations?.range else {
      throw Complaint("the plan relocates nothing: there is nothing to measure")
    }
    self.payload = payload
    self.plan = plan
    self.table = table
    memory = preparedMemory(plan.imageExtent.count)
    let words = UnsafeRawBufferPointer(
      rebasing: payload.bytes[Int(range.start.value)..<Int(range.endValue)])
    lists = baseline_find_relocations(words.baseAddress, words.count)
  }

  /// How many places are patched.
  var relocationCount: Int { lists.places64.count + lists.inverse32.count + lists.places32.count }

  func placePerch() throws {
    var span = memory.mutableBytes
    try plan.materialise(plan.imageExtent, into: &span, image: payload.bytes.bytes, modules: NoModules())
  }

  func placeBaseline() {
    // The baseline knows addresses as they are linked: the base is the lowest p_paddr.
    let base = payload.image.elf.loadSegments.map(\.physicalAddress).min() ?? 0
    baseline_place(payload.bytes.baseAddress, memory.baseAddress, base)
    baseline_relocate(lists, memory.baseAddress, table.linkBase.value, UInt64(bitPattern: table.delta))
  }

  /// Both leave the same bytes, wherever they write.
  func checkAgreement() throws {
    try placePerch()
    let placed = [UInt8](memory)
    memory.initializeMemory(as: UInt8.self, repeating: 0xa5)
    placeBaseline()
    memory.initializeGaps(of: plan, like: placed)
    guard placed.elementsEqual(memory) else { throw Complaint("Perch and the baseline do not place the same bytes") }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Takes over what lies between the segments, which nobody writes.
  fileprivate func initializeGaps(of plan: LoadPlan, like other: [UInt8]) {
    let start = plan.imageExtent.start.value
    var end = 0
    for piece in plan.pieces where piece.extent.overlaps(plan.imageExtent) {
      let next = Int(piece.extent.start.value - start)
      if end < next { for index in end..<next { self[index] = other[index] } }
      end = next + Int(piece.extent.count.value)
    }
  }
}
