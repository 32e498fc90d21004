import CHost
import Glibc

/// A program that runs under `timeout -k 2`, that ends with the thread that started it, and that is ended and reaped
/// with this object.
///
/// swift-subprocess does not fit: it passes only descriptors 0 to 2, and a machine needs its control channels as
/// well; and it is asynchronous throughout, where one poll(2) loop serves all channels of a machine.
final class ChildProcess {
  private let process: pid_t
  /// The exit status, 128 + signal for a violent end; nil while the program runs.
  private(set) var status: Int32?

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: its absolute path.
  ///   - channels: what becomes its descriptors 0, 1, 2 and so on.
  ///   - limit: when `timeout` ends it, whatever happens here.
  init(_ program: String, _ arguments: [String], channels: [Int32], limit: Duration) throws(MachineError) {
    guard let timeout = findProgram("timeout") else {
      throw MachineError.missingProgram(name: "timeout", package: "coreutils")
    }
    let words = [timeout, "-k", "2", "\(limit.components.seconds + 1)", program] + arguments
    var started: pid_t = 0
    // SAFETY: 1. strdup makes NUL-terminated copies that live until they are freed below; 2. the list ends with
    // nil; 3. the call reads `channels.count` descriptors.
    let copies = unsafe words.map { unsafe strdup($0) } + [nil]
    let error = unsafe perch_spawn(timeout, copies, channels, Int32(channels.count), &started)
    unsafe copies.forEach { unsafe free($0) }
    guard error == 0 else { throw MachineError.system(call: "fork", errno: error) }
    process = started
  }

  deinit { end() }

  /// The process identifier of the `timeout` that leads the program's process group.
  var identifier: Int32 { process }

  /// Notices the end of the program; waits for it at most `limit`.
  @discardableResult
  func reap(within limit: Duration = .zero) -> Int32? {
    let deadline = ContinuousClock.now + limit
    while status == nil {
      var raw: Int32 = 0
      // SAFETY: the call writes one status.
      let reaped = unsafe waitpid(process, &raw, WNOHANG)
      if reaped == process {
        status = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
      } else if reaped < 0, errno != EINTR {
        status = 128
      } else if ContinuousClock.now >= deadline {
        break
      } else {
        usleep(500)
      }
    }
    return status
  }

  /// Ends the program: politely, so that it can close its disk images, and after two seconds for good.
  func end() {
    guard reap() == nil else { return }
    kill(process, SIGTERM)
    guard reap(within: .seconds(2)) == nil else { return }
    // `timeout` leads a process group of its own, which holds the program.
    kill(-process, SIGKILL)
    kill(process, SIGKILL)
    reap(within: .seconds(5))
  }
}
