import CHost

extension perch_kvm_translator {
  /// The system's call that the C half was at; nil once the processor is set up.
  var call: String? {
    switch UInt32(stage) {
    case PERCH_KVM_OPEN.rawValue: "open /dev/kvm"
    case PERCH_KVM_VERSION.rawValue: "KVM_GET_API_VERSION"
    case PERCH_KVM_CREATE_VM.rawValue: "KVM_CREATE_VM"
    case PERCH_KVM_VCPU.rawValue: "KVM_CREATE_VCPU"
    case PERCH_KVM_FEATURES.rawValue: "KVM_SET_CPUID2"
    case PERCH_KVM_MEMORY.rawValue: "KVM_SET_USER_MEMORY_REGION"
    case PERCH_KVM_REGISTERS.rawValue: "KVM_SET_SREGS"
    default: nil
    }
  }
}
