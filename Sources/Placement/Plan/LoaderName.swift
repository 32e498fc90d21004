/// Perch's own loader, and those that are modelled.
public enum LoaderName: String, CaseIterable, Hashable, Sendable {
  case perch
  case grubMultiboot = "grub-multiboot"
  case grubMultiboot2 = "grub-multiboot2"
  case qemuMultiboot = "qemu-multiboot"
  case qemuPVH = "qemu-pvh"
  case qemuLinux = "qemu-linux"
  case qemuAArch64 = "qemu-aarch64"
  case qemuRISCV = "qemu-riscv64"
  case xenPV = "xen-pv"
  case xenPV2006March = "xen-pv-3.0.2"
  case xenPV2006May11 = "xen-pv-2006-05-11"
  case xenPV2006May21 = "xen-pv-3.0.3"
  case xenPV2006August = "xen-pv-3.0.4"
  case xenDomU = "xen-domu"
  case xenDomU2006March = "xen-domu-3.0.2"
  case xenDomU2006May11 = "xen-domu-2006-05-11"
  case xenDomU2006May21 = "xen-domu-3.0.3"
  case xenDomU2006August = "xen-domu-3.0.4"
  case xenPVH = "xen-pvh"
  case xenPVHDomU = "xen-domu-pvh"
  case kexec
  case firecracker
  case cloudHypervisor = "cloud-hypervisor"
  case firecrackerAArch64 = "firecracker-aarch64"
  case cloudHypervisorAArch64 = "cloud-hypervisor-aarch64"
  case cloudHypervisorRISCV = "cloud-hypervisor-riscv64"
  case limine
  case osvLow = "osv-low"
  case osvHigh = "osv-high"
  case arm64Image = "arm64-image"
  case riscvImage = "riscv64-image"
  case linuxDecompressor = "linux-decompressor"
}
