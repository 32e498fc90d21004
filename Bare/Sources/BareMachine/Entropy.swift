import Processor

/// Numbers that nobody else can know, from the best source that the processor has.
public struct Entropy {
  public let value: UInt64
  /// "RDSEED", "RDRAND", "the time stamp counter".
  public let source: String

  public static func draw() -> Entropy {
    var value: UInt64 = 0
    if processor_identify(0, 0).eax >= 7, processor_identify(7, 0).ebx >> 18 & 1 == 1 {
      // It may be empty for a while (Intel SDM vol. 1, 7.3.17.2).
      for _ in 0..<100 where unsafe random_seed(&value) == 1 { return Entropy(value: value, source: "RDSEED") }
    }
    if processor_identify(1, 0).ecx >> 30 & 1 == 1 {
      for _ in 0..<10 where unsafe random_number(&value) == 1 { return Entropy(value: value, source: "RDRAND") }
    }
    return Entropy(value: timing(), source: "the time stamp counter")
  }

  /// The low bits of how long it takes to reach a device: weak, and better than nothing.
  private static func timing() -> UInt64 {
    var state: UInt64 = 0xcbf2_9ce4_8422_2325
    for _ in 0..<64 {
      _ = port_read8(0x3fd)
      state = (state ^ time_stamp()) &* 0x0000_0100_0000_01b3
    }
    return state
  }
}
