/// An access that a guest is to make, or a translation that it is to ask its processor for (Tests/ProbeGuests/probe.h).
struct Probe: Hashable {
  enum Kind: UInt64, CaseIterable { case translate, load, store, execute }

  var address: UInt64
  var kind: Kind
  /// As an unprivileged program.
  var isUser = false
  /// With `translate`: for a write.
  var isWrite = false
  /// What `store` stores.
  var operand: UInt64 = 0
}

/// Probes under one state of the translation registers.
struct ProbeSet {
  /// What the guest puts into its registers, at most eight values; the first lines of its `probe.c` say which.
  var control: [UInt64]
  var probes: [Probe]
}

/// What came of a probe.
struct ProbeResult: Hashable {
  /// 0 where it worked, otherwise bit 63 and what the processor says of the fault.
  var status: UInt64
  var value: UInt64
  var faultAddress: UInt64

  var didFault: Bool { status >> 63 == 1 }
}
