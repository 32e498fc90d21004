import Glibc

/// One end of a connected stream, never blocking, closed with the object.
final class Channel {
  let descriptor: Int32
  /// Whether the other side can still say something.
  private(set) var isOpen = true

  init(adopting descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Two connected ends: ours, and the one that a child process gets.
  static func pair() throws(MachineError) -> (ours: Channel, theirs: Channel) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    // SAFETY: the call writes two descriptors, which is what the array holds.
    guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw systemError("socketpair") }
    return (Channel(adopting: ends[0]), Channel(adopting: ends[1]))
  }

  /// What a child process gets where it gets nothing.
  static func nothing() throws(MachineError) -> Channel {
    // SAFETY: the path is a NUL-terminated string for the length of the call.
    let descriptor = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError("open /dev/null") }
    return Channel(adopting: descriptor)
  }

  /// Waits until one of the open channels has something to say, or time is up.
  static func wait(for channels: [Channel], atMost limit: Duration) {
    var requests = channels.filter(\.isOpen).map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    guard !requests.isEmpty else { return }
    // SAFETY: the array holds as many requests as the call is told. An interruption is an early end, which is allowed.
    _ = unsafe poll(&requests, nfds_t(requests.count), limit.milliseconds)
  }

  /// What has arrived, at most 64 KiB; empty where nothing has. Notices the end of the stream.
  func receive() -> [UInt8] {
    guard isOpen else { return [] }
    var ended = false
    // SAFETY: 1. the call writes at most `buffer.count` bytes; 2. `count` is how many it wrote.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      let got = unsafe recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)
      count = max(0, got)
    }
    if ended { isOpen = false }
    return bytes
  }

  /// Sends all of `bytes`. Waits at most one second for a listener that is behind.
  ///
  /// - Returns: false when the listener has gone or does not read.
  func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
      // SAFETY: the call reads the bytes from `sent` to the end of the array.
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.send(descriptor, buffer.baseAddress.unsafelyUnwrapped + sent, buffer.count - sent, flags)
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        guard waitUntilWritable() else { return false }
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  private func waitUntilWritable() -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // SAFETY: one request is what the call is told.
    return unsafe poll(&request, 1, 1000) > 0
  }
}
