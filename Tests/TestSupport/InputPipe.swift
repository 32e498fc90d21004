public import Foundation

/// The standard input of a process that may end before it has read it. A reader stays open here, so that what is written
/// then is lost, and does not end the writer (SIGPIPE).
public final class InputPipe {
  /// For `Process.standardInput`.
  public let pipe = Pipe()
  private let reader: FileHandle

  public init() {
    reader = FileHandle(fileDescriptor: dup(pipe.fileHandleForReading.fileDescriptor), closeOnDealloc: true)
  }

  /// Writes what a pipe holds at once: nobody may be there to take it.
  public func write(_ text: String) { try? pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

  /// Ends the input.
  public func close() { try? pipe.fileHandleForWriting.close() }
}
