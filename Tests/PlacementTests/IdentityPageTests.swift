import AddressSpace
import Addresses
import Placement
import TestSupport
import Testing

/// The stub is mapped where it lies, and so must not lie where a kernel that is linked low is mapped.
@Suite struct IdentityPageTests {
  private let machine = MemoryMap.computer(64 * mebibyte)

  private func kernel(virtual: UInt64, size: UInt64) -> ELFKernel {
    ELFKernel(
      ELFBuilder(entry: virtual).segment(
        flags: [.read, .execute], virtual: virtual, physical: 0x200_0000, bytes: .pattern(0x10), memorySize: size))
  }

  @Test(arguments: [(0x10_0000, 0x8000), (0x10_0800, 0x100), (0, 16 << 20)] as [(UInt64, UInt64)])
  func theStubAvoidsTheKernelsVirtualRange(virtual: UInt64, size: UInt64) throws {
    var kernel = kernel(virtual: virtual, size: size)
    if virtual & 0xfff != 0 {
      kernel = ELFKernel(
        ELFBuilder(entry: virtual).segment(
          flags: [.read], virtual: virtual, physical: 0x200_0800, bytes: .pattern(0x10), memorySize: size))
    }
    let plan = try kernel.plan(PlanRequest(machine))
    plan.expectSound()
    let stub = try plan.piece("entry stub").destination
    #expect(stub.start.value >= virtual + size || stub.endValue <= virtual)
    let tables = try TableReader(plan)
    #expect(tables.page(at: stub.start.value)?.physical == stub.start.value)
    #expect(tables.page(at: virtual)?.physical == 0x200_0000 + virtual & 0xfff)
  }

  @Test func aKernelOverAllOfLowMemoryLeavesNoRoom() throws {
    let request = PlanRequest(.usable((0x10_0000, 64 * mebibyte)))
    // Virtual [0, 32 MiB) from physical 32 MiB takes every page: as kernel above, as virtual range below.
    #expect(try kernel(virtual: 0, size: 32 << 20).refusal(request)?.code == .noRoom)
    #expect(try kernel(virtual: 0, size: 31 << 20).refusal(request) == nil)
  }
}
