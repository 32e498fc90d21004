import Testing

@testable import Machines

/// The guest says that it is through before it turns MPRV on, mstatus bit 17: until then, the monitor sees M-mode.
func waitUntilParked(_ machine: QEMUMachine) throws {
  for _ in 0..<1000 {
    let words = try machine.monitor("info registers").split(whereSeparator: \.isWhitespace)
    let place = try #require(words.firstIndex(of: "mstatus"))
    let status = try #require(UInt64(words[place + 1], radix: 16))
    if status & 1 << 17 != 0 { return }
    try machine.resume()
    try machine.pause()
  }
  Issue.record("MPRV stays off")
}
