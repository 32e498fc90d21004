import ArgumentParser

/// What the real loaders say to the models, and what the models say to people.
@main struct Agreement: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds the models of loaders to the real ones.", subcommands: [CompareCommand.self, PageCommand.self],
    defaultSubcommand: CompareCommand.self)
}
