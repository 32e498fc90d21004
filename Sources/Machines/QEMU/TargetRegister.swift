/// A register as the debugger's target description names it (GDB manual, appendix G.2.8, `reg`).
struct TargetRegister: Equatable {
  /// What the packets `p` and `P` call it.
  var number: Int
  var bitSize: Int
}
