import Perch

@testable import Machines

/// A file as the physical memory from 0, to hold the tables that KVM walks.
struct X86FileTables: WritableTableMemory {
  let file: AnonymousFile

  init(size: ByteCount) throws { file = try AnonymousFile(label: "tables", size: size) }

  private func offset(of address: PhysicalAddress) -> Int? {
    address.value < file.size.value && file.size.value - address.value >= 8 ? Int(address.value) : nil
  }

  func loadEntry(at address: PhysicalAddress) -> UInt64? {
    offset(of: address).map { UInt64(littleEndian: file.load(UInt64.self, at: $0)) }
  }

  func storeEntry(_ value: UInt64, at address: PhysicalAddress) -> Bool {
    guard let offset = offset(of: address) else { return false }
    file.withMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self) }
    return true
  }

  /// Copies finished tables to their place.
  func store(_ image: PageTableImage) {
    precondition(image.root.value + UInt64(image.bytes.count) <= file.size.value, "the tables fit")
    file.withMutableBytes { span in
      // SAFETY: 1. the file has room for all bytes, as checked above; 2. the two do not overlap.
      unsafe span.withUnsafeMutableBytes { target in
        unsafe image.bytes.withUnsafeBytes { source in
          unsafe UnsafeMutableRawBufferPointer(rebasing: target[Int(image.root.value)...]).copyMemory(from: source)
        }
      }
    }
  }
}
