/// Assembles the lines of a guest's console and notices the ones that end a run.
///
/// Nothing is kept without bound: a line of more than ``lineLimit`` bytes is cut in two, and only the first and last
/// ``keptLines`` lines stay.
public struct ConsoleWatcher {
  /// How many lines are kept from the beginning, and as many from the end.
  public static let keptLines = 50
  /// The longest line, in bytes.
  public static let lineLimit = 4096

  /// The first lines, oldest first.
  public private(set) var firstLines: [String] = []
  /// The last lines, oldest first; the first of them may be among ``firstLines`` too.
  public private(set) var lastLines: [String] = []
  /// How many complete lines there were.
  public private(set) var lineCount = 0
  /// The first line that matched.
  public private(set) var matchedLine: String?
  /// The line with which the guest gave up.
  public private(set) var panicLine: String?

  private let pattern: Regex<AnyRegexOutput>?
  private var filter = TerminalFilter()
  private var partial: [UInt8] = []
  private var isPanicOver = false

  /// - Parameter pattern: what the caller waits for, somewhere in a line.
  public init(until pattern: Regex<AnyRegexOutput>? = nil) {
    self.pattern = pattern
  }

  /// The last line, complete or not; empty where there is none.
  public var lastLine: String {
    partial.isEmpty ? lastLines.last ?? "" : String(decoding: partial, as: UTF8.self)
  }

  /// How the console says the run ended, if it does: a line that the caller waits for comes before a panic.
  public var outcome: Outcome? {
    if let matchedLine { return .matched(line: matchedLine) }
    if let panicLine, isPanicOver { return .panicked(line: panicLine) }
    return nil
  }

  /// Takes what arrived.
  public mutating func consume(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      switch filter.consume(byte) {
      case .nothing: break
      case .endOfLine: finishLine()
      case .text(let byte):
        if partial.count == Self.lineLimit { finishLine() }
        partial.append(byte)
      }
    }
  }

  /// Draws conclusions from silence: a prompt is a line without an end, and a panic whose last line never came is over.
  public mutating func settle(afterSilenceOf silence: Duration) {
    if silence >= .milliseconds(100), !partial.isEmpty { match(lastLine) }
    guard let panicLine else { return }
    // Linux stops its other processors between the panic's first and last line, which may take a second.
    if silence >= (Self.isLinuxPanic(panicLine) ? .seconds(2) : .milliseconds(200)) { isPanicOver = true }
  }

  private mutating func finishLine() {
    guard !partial.isEmpty else { return }
    let line = String(decoding: partial, as: UTF8.self)
    partial.removeAll(keepingCapacity: true)
    lineCount += 1
    if firstLines.count < Self.keptLines { firstLines.append(line) }
    if lastLines.count == Self.keptLines { lastLines.removeFirst() }
    lastLines.append(line)
    match(line)
    notePanic(line)
  }

  private mutating func match(_ line: String) {
    guard matchedLine == nil, let pattern else { return }
    if line.firstMatch(of: pattern) != nil { matchedLine = line }
  }

  /// Linux writes `Kernel panic - not syncing: …` and, when it does not reboot, `---[ end Kernel panic … ]---`
  /// (kernel/panic.c); Perch's own kernels write `PANIC:`.
  private mutating func notePanic(_ line: String) {
    if panicLine == nil, Self.isLinuxPanic(line) || line.hasPrefix("PANIC:") { panicLine = line }
    if panicLine != nil, line.contains("---[ end Kernel panic") { isPanicOver = true }
  }

  private static func isLinuxPanic(_ line: String) -> Bool { line.contains("Kernel panic - not syncing") }
}
