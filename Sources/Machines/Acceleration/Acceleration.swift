import CHost

/// The choice of an accelerator, and what it rests on.
public struct Acceleration: Hashable, Sendable {
  public let choice: Accelerator
  /// One clause for people: "/dev/kvm runs 2 million instructions a second, which is emulation".
  public let reason: String
  /// What a one-page guest achieved under KVM, in instructions per second; nil where it did not run.
  public let measuredRate: UInt64?

  /// The rate below which KVM is not worth having. QEMU's translator reaches several hundred million instructions a
  /// second, a processor some billions; a KVM that is itself emulated reaches a few million.
  public static let leastUsefulRate: UInt64 = 50_000_000

  /// Runs a one-page guest for a twentieth of a second, in a process of its own, and decides.
  ///
  /// Returns within two seconds, whatever /dev/kvm does.
  public static func probe() -> Acceleration { Acceleration(perch_kvm_measure(50)) }

  init(_ measurement: perch_kvm_measurement) {
    if measurement.instructions == 0 || measurement.nanoseconds == 0 || measurement.error != 0 {
      self.init(choice: .tcg, reason: Self.failure(measurement), measuredRate: nil)
      return
    }
    let rate = UInt64(Double(measurement.instructions) / Double(measurement.nanoseconds) * 1e9)
    let speed = "/dev/kvm runs \(rate / 1_000_000) million instructions a second"
    if rate < Self.leastUsefulRate {
      self.init(choice: .tcg, reason: "\(speed): it is emulated, and the translator is faster", measuredRate: rate)
    } else {
      self.init(choice: .kvm, reason: speed, measuredRate: rate)
    }
  }

  private init(choice: Accelerator, reason: String, measuredRate: UInt64?) {
    self.choice = choice
    self.reason = reason
    self.measuredRate = measuredRate
  }

  private static func failure(_ measurement: perch_kvm_measurement) -> String {
    let cause = measurement.error == 0 ? nil : errorText(measurement.error)
    let step: String
    switch measurement.stage {
    case Int32(PERCH_KVM_OPEN.rawValue): step = "/dev/kvm cannot be opened"
    case Int32(PERCH_KVM_VERSION.rawValue): step = "/dev/kvm does not speak version 12 of its interface"
    case Int32(PERCH_KVM_CREATE_VM.rawValue): step = "/dev/kvm makes no machine"
    case Int32(PERCH_KVM_MEMORY.rawValue): step = "/dev/kvm takes no memory"
    case Int32(PERCH_KVM_VCPU.rawValue): step = "/dev/kvm makes no processor"
    case Int32(PERCH_KVM_REGISTERS.rawValue): step = "/dev/kvm takes no registers"
    case Int32(PERCH_KVM_RUN.rawValue) where measurement.exit_reason != 0:
      step = "a guest under /dev/kvm stops with exit reason \(measurement.exit_reason)"
    case Int32(PERCH_KVM_RUN.rawValue): step = "a guest under /dev/kvm does not get anywhere"
    default: step = "the probe of /dev/kvm did not start"
    }
    return cause.map { "\(step): \($0)" } ?? step
  }
}
