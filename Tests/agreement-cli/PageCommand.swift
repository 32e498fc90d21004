import ArgumentParser
import RealLoaders

/// `make page`
struct PageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Prints Documentation/Loaders.md, as the models have it.")

  func run() { print(LoadersPage.text, terminator: "") }
}
