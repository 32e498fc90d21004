import Foundation
import RealLoaders
import TestSupport
import Testing

/// `make page` writes it.
@Suite struct LoadersPageTests {
  @Test func thePageIsWhatTheModelsSay() throws {
    let page = PackageRoot.url.appendingPathComponent("Documentation/Loaders.md")
    let written = try String(contentsOf: page, encoding: .utf8)
    #expect(written == LoadersPage.text, "make page writes what the models say now")
  }
}
