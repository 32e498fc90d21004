public import ArgumentParser
import Loaders
public import Placement

extension LoaderName: ExpressibleByArgument {}

/// The loaders that are asked: all, or some by name, each once.
struct LoaderList: ExpressibleByArgument, Equatable {
  let loaders: [LoaderName]
  let isAll: Bool

  static let all = LoaderList(loaders: LoaderName.allCases, isAll: true)

  private init(loaders: [LoaderName], isAll: Bool) {
    self.loaders = loaders
    self.isAll = isAll
  }

  init?(argument: String) {
    guard argument != "all" else {
      self = .all
      return
    }
    var names: [LoaderName] = []
    for word in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let name = LoaderName(argument: String(word)) else { return nil }
      if !names.contains(name) { names.append(name) }
    }
    self.init(loaders: names, isAll: false)
  }

  var defaultValueDescription: String { "all" }
  static var allValueStrings: [String] { ["all"] + LoaderName.allValueStrings }
}
