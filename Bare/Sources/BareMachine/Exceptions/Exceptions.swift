public import Addresses
import Processor

/// What becomes of exceptions: those that are expected are caught, any other is reported and ends the run.
public enum Exceptions {
  /// An exception that was expected.
  public struct Caught {
    public let vector: UInt
    /// 0 where the exception has none.
    public let errorCode: UInt64
    /// CR2: of a page fault, the address that was used.
    public let address: VirtualAddress
  }

  /// A place that a report calls by its name.
  public struct Landmark {
    public let range: VirtualRange
    public let name: Line

    public init(_ range: VirtualRange, _ name: Line) {
      self.range = range
      self.name = name
    }
  }

  /// One processor and no interrupts: nobody else looks.
  private nonisolated(unsafe) static var resumption: UInt64?
  private nonisolated(unsafe) static var caught: Caught?
  nonisolated(unsafe) private(set) static var memory: DirectMap?
  nonisolated(unsafe) private(set) static var landmarks: [Landmark] = []

  /// Loads descriptor tables of this program's own. From here on every exception is reported.
  public static func install() { DescriptorTables.install() }

  /// Lets reports walk page tables, and call places by their names.
  public static func describe(memory: DirectMap, landmarks: [Landmark]) {
    unsafe self.memory = memory
    unsafe self.landmarks = landmarks
  }

  /// Runs something that may raise an exception.
  ///
  /// - Parameter place: the address of code that goes on after an exception as if `body` had come so far.
  /// - Returns: the exception, if there was one.
  public static func catching(resumingAt place: UInt, _ body: () -> Void) -> Caught? {
    unsafe caught = nil
    unsafe resumption = UInt64(place)
    body()
    unsafe resumption = nil
    return unsafe caught
  }

  /// Takes a gate away, so that its exception becomes a double fault.
  public static func remove(_ vector: UInt) { DescriptorTables.removeGate(vector) }

  /// Handles what a stub brings.
  static func handle(_ frame: inout exception_frame) {
    guard let place = unsafe resumption else { ExceptionReport(frame).end() }
    frame.rip = place
    unsafe resumption = nil
    unsafe caught = Caught(
      vector: UInt(frame.vector), errorCode: frame.error_code, address: VirtualAddress(read_cr2()))
  }
}

/// Called by the stubs.
@_cdecl("exception_arrived")
func exceptionArrived(_ frame: UnsafeMutablePointer<exception_frame>) {
  // SAFETY: the stub made the frame on its stack and reads it again when this returns.
  unsafe Exceptions.handle(&frame.pointee)
}
