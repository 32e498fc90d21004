import ArgumentParser
import RealLoaders

/// `make agreement`
@main struct Agreement: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the models of loaders to the real ones.")

  func run() throws { print(LoadersPage.text) }
}
