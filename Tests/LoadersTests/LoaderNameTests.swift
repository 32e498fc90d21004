import Loaders
import Placement
import Testing

@Suite struct LoaderNameTests {
  @Test func namesAreDistinct() { #expect(Set(LoaderName.allCases.map(\.rawValue)).count == LoaderName.allCases.count) }
}
