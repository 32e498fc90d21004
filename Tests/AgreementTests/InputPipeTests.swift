import Foundation
import TestSupport
import Testing

@Suite struct InputPipeTests {
  /// A machine that has ended takes no command, and takes nobody with it.
  @Test func aReaderThatIsGoneEndsNobody() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/true")
    let input = InputPipe()
    process.standardInput = input.pipe
    try process.run()
    process.waitUntilExit()
    for _ in 0..<3 { input.write("quit\n") }
    input.close()
    input.write("quit\n")
    #expect(process.terminationStatus == 0)
  }

  @Test func whatIsWrittenArrives() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/cat")
    let (input, output) = (InputPipe(), Pipe())
    process.standardInput = input.pipe
    process.standardOutput = output
    try process.run()
    input.write("info registers\n")
    input.close()
    #expect(output.fileHandleForReading.readDataToEndOfFile() == Data("info registers\n".utf8))
    process.waitUntilExit()
  }
}
