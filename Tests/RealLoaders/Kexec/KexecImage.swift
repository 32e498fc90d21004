import Foundation
import Loaders
public import TestSupport

/// An image for kexec, and how it is asked to load it.
public struct KexecImage: Sendable {
  enum Content: Sendable {
    case elf(KexecELFImage)
    case bzImage(BzImageBuilder)
    /// Bytes of a test's own, named for the description.
    case bytes(String, [UInt8])
    /// A real one.
    case file(String)
  }

  var content: Content
  var arguments: Kexec.Arguments = .elf
  var commandLine = ""
  /// Sizes of the modules, of which the first is the initrd too.
  var modules: [UInt64] = []

  init(_ content: Content, arguments: Kexec.Arguments = .elf) {
    self.content = content
    self.arguments = arguments
  }

  func bytes() throws -> [UInt8] {
    switch content {
    case .elf(let image): image.build()
    case .bzImage(let image): image.build()
    case .bytes(_, let bytes): bytes
    case .file(let path): Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
  }
}

extension KexecImage: Shrinkable {
  public var smaller: [KexecImage] {
    var all: [KexecImage] = []
    func with(_ change: (inout KexecImage) -> Void) {
      var copy = self
      change(&copy)
      all.append(copy)
    }
    if !modules.isEmpty { with { $0.modules.removeLast() } }
    if !commandLine.isEmpty { with { $0.commandLine = "" } }
    if arguments != .elf { with { $0.arguments = .elf } }
    guard case .elf(let elf) = content else { return all }
    for index in elf.segments.indices {
      var copy = elf
      copy.segments.remove(at: index)
      with { $0.content = .elf(copy) }
    }
    if elf.notes != nil {
      var copy = elf
      copy.notes = nil
      with { $0.content = .elf(copy) }
    }
    return all
  }

  public var description: String {
    let text =
      switch content {
      case .elf(let image): "\(image)"
      case .bzImage(let image):
        "BzImage(version: \(image.version), setupSectors: \(image.setupSectors), loadFlags: \(image.loadFlags), "
          + "protectedMode: \(image.protectedMode.count) bytes, patches: \(image.patches))"
      case .bytes(let name, let bytes): "\(name), \(bytes.count) bytes"
      case .file(let path): path
      }
    return "\(arguments.rawValue) --append='\(commandLine)' modules \(modules): \(text)"
  }
}
