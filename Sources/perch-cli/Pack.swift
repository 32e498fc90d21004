import Addresses
import ArgumentParser
import Codecs
import Machines
import Placement
import Reporting

/// `perch pack FILE -o CAPSULE`
struct Pack: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the plan as an ELF that any PVH loader starts.",
    discussion: "QEMU boots the result with -kernel and nothing else. Without it the options are those of plan.")

  @Argument(help: "The kernel.", completion: .file())
  var file: String

  @Option(
    name: [.customShort("o"), .customLong("output")], help: "The capsule; - is standard output.", completion: .file())
  var target: String

  @OptionGroup(title: "Plan options")
  var options: PlanOptions

  func run() throws {
    let planned = try PlannedKernel(file, options: options, channels: Channels(color: .auto))
    let capsule = try planned.capsule()
    let bytes = try planned.inMemory(capsule)
    do throws(FileError) {
      try bytes.withBytes { (bytes) throws(FileError) in try writeAtomically(to: target, bytes) }
    } catch {
      throw Failure(writing: error)
    }
  }
}

extension PlannedKernel {
  /// The capsule as a file without a name, which an emulator can be given.
  func inMemory(_ capsule: Capsule) throws(Failure) -> AnonymousFile {
    let file: AnonymousFile
    do throws(MachineError) {
      file = try AnonymousFile(label: "capsule", size: capsule.size)
    } catch {
      throw Failure(error)
    }
    try file.withMutableBytes { (bytes) throws(Failure) in try write(capsule, into: &bytes) }
    return file
  }
}
