#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <unistd.h>

#if defined(__x86_64__)

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/// As many entries as KVM has ever told (Linux, arch/x86/include/asm/kvm_host.h, KVM_MAX_CPUID_ENTRIES).
#define CPUID_ENTRIES 256

/// The processor is in long mode (Intel SDM vol. 3A, 2.2.1): its code segment says so as well.
#define EFER_LMA (1ULL << 10)

static int fail(struct perch_kvm_translator *translator) {
  translator->error = errno;
  return -1;
}

/// Gives the processor every feature that KVM can give, and notes the widths of its addresses.
static int set_features(struct perch_kvm_translator *translator) {
  translator->stage = PERCH_KVM_FEATURES;
  struct kvm_cpuid2 *features = calloc(1, sizeof *features + CPUID_ENTRIES * sizeof features->entries[0]);
  if (features == NULL) return fail(translator);
  features->nent = CPUID_ENTRIES;
  int result = ioctl(translator->device, KVM_GET_SUPPORTED_CPUID, features);
  if (result == 0) result = ioctl(translator->processor, KVM_SET_CPUID2, features);
  if (result < 0) fail(translator);
  // The width where leaf 0x80000008 is missing (Intel SDM vol. 3A, 4.1.4).
  translator->physical_bits = 36;
  for (uint32_t i = 0; result == 0 && i < features->nent; i++) {
    const struct kvm_cpuid_entry2 *leaf = &features->entries[i];
    if (leaf->function == 7 && leaf->index == 0) translator->features |= leaf->ecx >> 16 & 1 ? PERCH_KVM_LA57 : 0;
    if (leaf->function == 0x80000001) translator->features |= leaf->edx >> 26 & 1 ? PERCH_KVM_PAGE_1GIB : 0;
    if (leaf->function == 0x80000001) translator->features |= leaf->edx >> 20 & 1 ? PERCH_KVM_NX : 0;
    if (leaf->function == 0x80000008) translator->physical_bits = leaf->eax & 0xff;
  }
  free(features);
  return result;
}

int perch_kvm_translator_open(struct perch_kvm_translator *translator) {
  *translator = (struct perch_kvm_translator){
      .device = -1, .machine = -1, .processor = -1, .stage = PERCH_KVM_OPEN};
  translator->device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (translator->device < 0) return fail(translator);
  translator->stage = PERCH_KVM_VERSION;
  if (ioctl(translator->device, KVM_GET_API_VERSION, 0UL) != KVM_API_VERSION) {
    translator->error = ENOTSUP;
    return -1;
  }
  translator->stage = PERCH_KVM_CREATE_VM;
  translator->machine = ioctl(translator->device, KVM_CREATE_VM, 0UL);
  if (translator->machine < 0) return fail(translator);
  translator->stage = PERCH_KVM_VCPU;
  translator->processor = ioctl(translator->machine, KVM_CREATE_VCPU, 0UL);
  if (translator->processor < 0) return fail(translator);
  return set_features(translator);
}

void perch_kvm_translator_close(struct perch_kvm_translator *translator) {
  if (translator->processor >= 0) close(translator->processor);
  if (translator->machine >= 0) close(translator->machine);
  if (translator->device >= 0) close(translator->device);
  translator->processor = translator->machine = translator->device = -1;
}

int perch_kvm_translator_map(
    struct perch_kvm_translator *translator, uint32_t slot, uint64_t physical, void *memory, uint64_t size) {
  translator->stage = PERCH_KVM_MEMORY;
  struct kvm_userspace_memory_region region = {
      .slot = slot, .guest_phys_addr = physical, .memory_size = size, .userspace_addr = (uintptr_t)memory};
  return ioctl(translator->machine, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? fail(translator) : 0;
}

/// A flat segment at privilege level 0: `type` and the mode bits as Intel SDM vol. 3A, 3.4.5, numbers them.
static struct kvm_segment flat(uint16_t selector, uint8_t type, int is_long) {
  return (struct kvm_segment){
      .base = 0, .limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .dpl = 0,
      .db = is_long ? 0 : 1, .s = 1, .l = is_long ? 1 : 0, .g = 1};
}

int perch_kvm_translator_set_paging(struct perch_kvm_translator *translator, struct perch_kvm_paging *paging) {
  translator->stage = PERCH_KVM_REGISTERS;
  struct kvm_sregs special;
  if (ioctl(translator->processor, KVM_GET_SREGS, &special) < 0) return fail(translator);
  special.cs = flat(0x08, 11, (paging->efer & EFER_LMA) != 0);
  special.ds = special.es = special.fs = special.gs = special.ss = flat(0x10, 3, 0);
  special.cr3 = paging->cr3;
  special.cr0 = paging->cr0;
  special.cr4 = paging->cr4;
  special.efer = paging->efer;
  if (ioctl(translator->processor, KVM_SET_SREGS, &special) < 0) return fail(translator);
  if (ioctl(translator->processor, KVM_GET_SREGS, &special) < 0) return fail(translator);
  *paging = (struct perch_kvm_paging){special.cr0, special.cr3, special.cr4, special.efer};
  // RFLAGS.AC clear: the access is one that SMAP judges.
  struct kvm_regs general = {.rip = 0, .rflags = 2};
  return ioctl(translator->processor, KVM_SET_REGS, &general) < 0 ? fail(translator) : 0;
}

int perch_kvm_translator_translate(
    struct perch_kvm_translator *translator, const uint64_t *addresses, uint64_t *results, size_t count) {
  translator->stage = PERCH_KVM_WALK;
  for (size_t i = 0; i < count; i++) {
    struct kvm_translation translation = {.linear_address = addresses[i]};
    if (ioctl(translator->processor, KVM_TRANSLATE, &translation) < 0) return fail(translator);
    results[i] = translation.valid ? translation.physical_address : PERCH_KVM_NO_TRANSLATION;
  }
  return 0;
}

#else

// The registers are those of x86: a host of another kind has no virtual processor that they fit.
int perch_kvm_translator_open(struct perch_kvm_translator *translator) {
  *translator = (struct perch_kvm_translator){
      .device = -1, .machine = -1, .processor = -1, .stage = PERCH_KVM_WALK, .error = ENOTSUP};
  return -1;
}

void perch_kvm_translator_close(struct perch_kvm_translator *translator) { (void)translator; }

int perch_kvm_translator_map(
    struct perch_kvm_translator *translator, uint32_t slot, uint64_t physical, void *memory, uint64_t size) {
  (void)translator, (void)slot, (void)physical, (void)memory, (void)size;
  return -1;
}

int perch_kvm_translator_set_paging(struct perch_kvm_translator *translator, struct perch_kvm_paging *paging) {
  (void)translator, (void)paging;
  return -1;
}

int perch_kvm_translator_translate(
    struct perch_kvm_translator *translator, const uint64_t *addresses, uint64_t *results, size_t count) {
  (void)translator, (void)addresses, (void)results, (void)count;
  return -1;
}

#endif
