import Testing

@testable import Machines

@Suite struct ConsoleWatcherTests {
  private func watcher(_ pattern: String?, _ text: String) throws -> ConsoleWatcher {
    var watcher = ConsoleWatcher(until: try pattern.map { try Regex($0) })
    watcher.consume(text.utf8)
    return watcher
  }

  @Test func linesEndWithCarriageReturnLineFeedOrBoth() throws {
    let watcher = try watcher(nil, "one\r\ntwo\nthree\r\r\nprogress 1\rprogress 2\r\n\r\n\nrest")
    #expect(watcher.firstLines == ["one", "two", "three", "progress 1", "progress 2"])
    #expect(watcher.lineCount == 5)
    #expect(watcher.lastLine == "rest")
  }

  @Test func terminalCommandsAreNoText() throws {
    // SeaBIOS resets the terminal and clears the screen; then colours, a window title, a character set.
    let text =
      "\u{1b}c\u{1b}[?7l\u{1b}[2J\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7} and\u{1b}(B plain\u{1b}]0;x\u{1b}\\!\u{7}\n"
    #expect(try watcher(nil, text).lastLine == "red and plain!")
  }

  @Test func anUnfinishedCommandEndsWithItsLine() throws {
    #expect(try watcher(nil, "a\u{1b}[31\nb\u{1b}]title\nc\n").firstLines == ["a", "b", "c"])
  }

  @Test func bytesThatAreNoTextAreReplaced() {
    var watcher = ConsoleWatcher()
    watcher.consume([0x61, 0xff, 0x00, 0x62, 0x0a])
    #expect(watcher.lastLine == "a\u{fffd}b")
  }

  @Test func longLinesAreCut() throws {
    let watcher = try watcher(nil, String(repeating: "x", count: 10_000) + "\n")
    // 4096 + 4096 + 1808.
    #expect(watcher.firstLines.map(\.count) == [4096, 4096, 1808])
  }

  @Test func onlyTheFirstAndLastFiftyLinesAreKept() throws {
    let watcher = try watcher(nil, (1...1000).map { "line \($0)\n" }.joined())
    #expect(watcher.lineCount == 1000)
    #expect(watcher.firstLines == (1...50).map { "line \($0)" })
    #expect(watcher.lastLines == (951...1000).map { "line \($0)" })
  }

  @Test func thePatternIsFoundWithinALine() throws {
    let watcher = try watcher("offset: 0x[0-9a-f]+", "first\nthe offset: 0x1c00 it is\nthe offset: 0x2\n")
    #expect(watcher.outcome == .matched(line: "the offset: 0x1c00 it is"))
  }

  @Test func aPromptMatchesAfterSilenceOnly() throws {
    var watcher = try watcher("^login: $", "login: ")
    #expect(watcher.outcome == nil)
    watcher.settle(afterSilenceOf: .milliseconds(99))
    #expect(watcher.outcome == nil)
    watcher.settle(afterSilenceOf: .milliseconds(100))
    #expect(watcher.outcome == .matched(line: "login: "))
  }

  @Test func aLinuxPanicIsOverWithItsLastLine() throws {
    let first = "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs"
    var watcher = try watcher(nil, "\(first)\r\n[    1.0] Kernel Offset: 0x1c000000\r\n")
    #expect(watcher.panicLine == first)
    #expect(watcher.outcome == nil)
    watcher.consume("[    1.0] ---[ end Kernel panic - not syncing: VFS ]---\r\n".utf8)
    #expect(watcher.outcome == .panicked(line: first))
  }

  @Test func aLinuxPanicWithoutALastLineIsOverAfterTwoSeconds() throws {
    var watcher = try watcher(nil, "Kernel panic - not syncing: x\n")
    watcher.settle(afterSilenceOf: .milliseconds(1999))
    #expect(watcher.outcome == nil)
    watcher.settle(afterSilenceOf: .seconds(2))
    #expect(watcher.outcome == .panicked(line: "Kernel panic - not syncing: x"))
  }

  @Test func ownKernelsPanicAtTheStartOfALine() throws {
    #expect(try watcher(nil, "no PANIC: here\n").panicLine == nil)
    #expect(try watcher(nil, "PANIC: no map\n").panicLine == "PANIC: no map")
  }

  @Test func whatTheCallerWaitsForComesBeforeAPanic() throws {
    let text = "Kernel panic - not syncing: x\nKernel Offset: 0x2\n---[ end Kernel panic - not syncing: x ]---\n"
    #expect(try watcher("Kernel Offset", text).outcome == .matched(line: "Kernel Offset: 0x2"))
  }
}
