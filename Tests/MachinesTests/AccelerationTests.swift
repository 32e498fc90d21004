import CHost
import Testing

@testable import Machines

@Suite struct AccelerationTests {
  private func measurement(
    stage: perch_kvm_stage, error: Int32 = 0, exit: UInt32 = 0, instructions: UInt64 = 0, nanoseconds: UInt64 = 0
  ) -> perch_kvm_measurement {
    perch_kvm_measurement(
      stage: Int32(stage.rawValue), error: error, exit_reason: exit, instructions: instructions,
      nanoseconds: nanoseconds)
  }

  @Test func theProbeReturnsAndStatesItsReason() {
    let clock = ContinuousClock()
    var found: Acceleration?
    // The bound is what is promised; the probe takes a twentieth of it where nothing is wrong.
    #expect(clock.measure { found = Acceleration.probe() } < .seconds(2))
    #expect(found?.reason.contains("/dev/kvm") == true)
    if found?.choice == .kvm { #expect((found?.measuredRate ?? 0) >= Acceleration.leastUsefulRate) }
  }

  @Test func theRateDecides() {
    // 2,499,999 instructions in 50 ms are just less than 50 million a second.
    let slow = Acceleration(measurement(stage: PERCH_KVM_RUN, instructions: 2_499_999, nanoseconds: 50_000_000))
    #expect(slow.choice == .tcg)
    #expect(slow.measuredRate == 49_999_980)
    let fast = Acceleration(measurement(stage: PERCH_KVM_RUN, instructions: 2_500_000, nanoseconds: 50_000_000))
    #expect(fast.choice == .kvm)
    #expect(fast.measuredRate == 50_000_000)
  }

  @Test func anAbsentDeviceIsNamed() {
    // ENOENT.
    let found = Acceleration(measurement(stage: PERCH_KVM_OPEN, error: 2))
    #expect(found.choice == .tcg)
    #expect(found.reason == "/dev/kvm cannot be opened: No such file or directory")
    #expect(found.measuredRate == nil)
  }

  @Test func aGuestThatStopsIsNamed() {
    // 8 is KVM_EXIT_SHUTDOWN.
    let found = Acceleration(measurement(stage: PERCH_KVM_RUN, exit: 8))
    #expect(found.choice == .tcg)
    #expect(found.reason == "a guest under /dev/kvm stops with exit reason 8")
  }
}
