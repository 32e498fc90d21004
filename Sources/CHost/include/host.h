/// What Swift cannot say to Linux itself: variadic ioctl(2), and code between fork(2) and execve(2).
#ifndef PERCH_HOST_H
#define PERCH_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Starts a program that dies with the thread that started it.
///
/// `path` is absolute; `arguments` ends with NULL. `descriptors[i]` becomes descriptor `i` of the program; every other
/// descriptor is closed. The program gets SIGTERM when the calling thread ends.
/// Returns 0 and the process in `*process`, or an errno value.
int perch_spawn(const char *path, char *const arguments[], const int *descriptors, int count, pid_t *process);

/// A file without a name, of `size` zero bytes, closed on exec. Returns the descriptor, or -errno.
int perch_anonymous_file(const char *label, int64_t size);

/// How far the probe guest of `perch_kvm_measure`, a `perch_kvm_translator` or a `perch_kvm_machine` came.
enum perch_kvm_stage {
  PERCH_KVM_OPEN = 1,       ///< opening /dev/kvm
  PERCH_KVM_VERSION = 2,    ///< KVM_GET_API_VERSION is 12
  PERCH_KVM_CREATE_VM = 3,  ///< KVM_CREATE_VM
  PERCH_KVM_MEMORY = 4,     ///< KVM_SET_USER_MEMORY_REGION
  PERCH_KVM_VCPU = 5,       ///< KVM_CREATE_VCPU and mapping its kvm_run
  PERCH_KVM_REGISTERS = 6,  ///< KVM_SET_SREGS and KVM_SET_REGS
  PERCH_KVM_RUN = 7,        ///< KVM_RUN
  PERCH_KVM_FEATURES = 8,   ///< KVM_GET_SUPPORTED_CPUID and KVM_SET_CPUID2
  PERCH_KVM_WALK = 9,       ///< KVM_TRANSLATE
};

struct perch_kvm_measurement {
  /// The last stage that was begun (enum perch_kvm_stage); 0 when not even a child process could be made.
  int32_t stage;
  /// The errno value that ended it, or 0.
  int32_t error;
  /// For PERCH_KVM_RUN: the exit reason that ended it although nothing should, or 0.
  uint32_t exit_reason;
  /// Instructions that the guest executed while it was watched, and for how long that was.
  uint64_t instructions;
  uint64_t nanoseconds;
};

/// Runs a one-page guest through /dev/kvm for `milliseconds` and counts its instructions.
///
/// The guest runs in a child process, which is killed at the end: the call returns after at most three times
/// `milliseconds` and one second, whatever the device does.
struct perch_kvm_measurement perch_kvm_measure(uint32_t milliseconds);

/// What the processor of a `perch_kvm_translator` can do, beyond what every x86-64 processor can.
enum perch_kvm_feature {
  PERCH_KVM_NX = 1,         ///< EFER.NXE and the XD bit of the entries
  PERCH_KVM_PAGE_1GIB = 2,  ///< pages of 1 GiB
  PERCH_KVM_LA57 = 4,       ///< CR4.LA57, five levels
};

/// A virtual machine that never runs: KVM walks its page tables on request.
struct perch_kvm_translator {
  int32_t device;
  int32_t machine;
  int32_t processor;
  /// The last stage that was begun (enum perch_kvm_stage).
  int32_t stage;
  /// The errno value of the last call that failed, or 0.
  int32_t error;
  /// Bits of enum perch_kvm_feature.
  uint32_t features;
  /// MAXPHYADDR.
  uint32_t physical_bits;
};

/// Makes the machine and its one processor, which has what KVM_GET_SUPPORTED_CPUID offers.
/// Returns 0, or -1 with stage and error; the translator is to be closed in either case.
int perch_kvm_translator_open(struct perch_kvm_translator *translator);

void perch_kvm_translator_close(struct perch_kvm_translator *translator);

/// Puts `size` bytes at `memory` (whole pages) at a physical address. The memory stays mapped until the translator is
/// closed. Returns 0, or -1 with stage and error.
int perch_kvm_translator_map(
    struct perch_kvm_translator *translator, uint32_t slot, uint64_t physical, void *memory, uint64_t size);

/// The registers that decide how an address is translated.
struct perch_kvm_paging {
  uint64_t cr0;
  uint64_t cr3;
  uint64_t cr4;
  uint64_t efer;
};

/// Sets the registers (KVM_SET_SREGS), at privilege level 0 with RFLAGS.AC clear, and reads back into `*paging` what
/// KVM made of them: a KVM without hardware paging drops CR0.PG outside long mode and says nothing. In PAE paging this
/// is when KVM reads the four entries at CR3.
/// Returns 0, or -1 with stage and error: EINVAL where the registers contradict each other or the processor.
int perch_kvm_translator_set_paging(struct perch_kvm_translator *translator, struct perch_kvm_paging *paging);

/// The result for an address that has no translation.
#define PERCH_KVM_NO_TRANSLATION UINT64_MAX

/// Translates `count` addresses (KVM_TRANSLATE). Returns 0, or -1 with stage and error.
int perch_kvm_translator_translate(
    struct perch_kvm_translator *translator, const uint64_t *addresses, uint64_t *results, size_t count);

#endif
