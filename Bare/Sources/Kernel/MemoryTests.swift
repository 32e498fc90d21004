import Addresses
import BareMachine
import KernelEntry
import PageTables

/// That two ways lead to the same bytes, and that the bytes are the right ones.
struct MemoryTests {
  let machine: Machine

  func run(_ tests: inout SelfTests) {
    tests.report("the direct map sees what the text mapping sees", textAgrees())
    tests.report("what is written to data is read in the direct map, and the other way round", dataAgrees())
    tests.report("pointers are relocated", pointersAgree())
  }

  private func textAgrees() -> SelfTests.Outcome {
    let tables = machine.tables
    var page = VirtualAddress(UInt64(_start_address())).alignedDown(to: .page4KiB)
    while page.value < UInt64(text_end_address()) {
      guard let frame = tables.physical(page) else { return .failed("\(Text.hexadecimal(page.value)) is not mapped") }
      // Sixteen words of each page: those of a wrong one differ somewhere.
      for offset in stride(from: 0 as UInt64, to: 0x1000, by: 0x100) {
        let here = MappedMemory.word(at: VirtualAddress(unchecked: page.value + offset))
        let there = machine.memory.loadEntry(at: PhysicalAddress(unchecked: frame.value + offset))
        guard here == there else {
          return .failed("\(Text.hexadecimal(page.value + offset)) and its physical address show different words")
        }
      }
      page = VirtualAddress(unchecked: page.value + 0x1000)
    }
    return .passed
  }

  private func dataAgrees() -> SelfTests.Outcome {
    let virtual = VirtualAddress(UInt64(word_in_data_address()))
    guard let physical = machine.tables.physical(virtual) else { return .failed("the data is not mapped") }
    // Two patterns, no bit the same.
    let first: UInt64 = 0x0123_4567_89ab_cdef
    MappedMemory.setWord(first, at: virtual)
    guard machine.memory.loadEntry(at: physical) == first else { return .failed("the direct map shows something else") }
    _ = machine.memory.storeEntry(~first, at: physical)
    return MappedMemory.word(at: virtual) == ~first ? .passed : .failed("the data shows something else")
  }

  private func pointersAgree() -> SelfTests.Outcome {
    let truth = UInt64(_start_address())
    for place in [start_pointer_address(), start_pointer_in_data_address()] {
      let pointer = MappedMemory.word(at: VirtualAddress(UInt64(place)))
      guard pointer == truth else {
        return .failed("\(Text.hexadecimal(pointer)) where \(Text.hexadecimal(truth)) should be")
      }
    }
    return .passed
  }
}
