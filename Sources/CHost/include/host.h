/// What Swift cannot say to Linux itself: variadic ioctl(2), and code between fork(2) and execve(2).
#ifndef PERCH_HOST_H
#define PERCH_HOST_H

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

/// How far the probe guest of `perch_kvm_measure` came.
enum perch_kvm_stage {
  PERCH_KVM_OPEN = 1,       ///< opening /dev/kvm
  PERCH_KVM_VERSION = 2,    ///< KVM_GET_API_VERSION is 12
  PERCH_KVM_CREATE_VM = 3,  ///< KVM_CREATE_VM
  PERCH_KVM_MEMORY = 4,     ///< KVM_SET_USER_MEMORY_REGION
  PERCH_KVM_VCPU = 5,       ///< KVM_CREATE_VCPU and mapping its kvm_run
  PERCH_KVM_REGISTERS = 6,  ///< KVM_SET_SREGS and KVM_SET_REGS
  PERCH_KVM_RUN = 7,        ///< KVM_RUN
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

#endif
