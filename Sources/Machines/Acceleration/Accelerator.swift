/// What executes a guest's instructions.
public enum Accelerator: String, Hashable, Sendable {
  /// QEMU's translator.
  case tcg
  /// The processor itself, through /dev/kvm.
  case kvm
}
