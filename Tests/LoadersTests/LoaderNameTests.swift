import Loaders
import Placement
import Testing

@Suite struct LoaderNameTests {
  @Test func namesAreDistinct() { #expect(Set(LoaderName.allCases.map(\.rawValue)).count == LoaderName.allCases.count) }

  /// Users know the monitors, not the crate that they share.
  @Test func monitorsHaveTheirNames() {
    let names = LoaderName.allCases.map(\.rawValue)
    #expect(!names.contains("linux-loader"))
    for name in [
      "firecracker", "cloud-hypervisor", "firecracker-aarch64", "cloud-hypervisor-aarch64", "cloud-hypervisor-riscv64",
    ] { #expect(names.contains(name)) }
  }
}
