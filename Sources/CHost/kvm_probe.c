#define _GNU_SOURCE
#include "host.h"

#include <errno.h>

#if defined(__x86_64__)

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The page that parent, child and guest share, and the page that only parent and child share:
//
//   0x0000  code     real mode, CS = DS = 0
//   0x0800  counter  32 bits: rounds of the outer loop
//   0x1000  struct perch_kvm_measurement, filled by the child
//
#define PAGE 0x1000
#define COUNTER 0x800

static const uint8_t code[] = {
    0xb9, 0xe8, 0x03,                    // 0: mov cx, 1000
    0x49,                                // 3: dec cx
    0x75, 0xfd,                          // 4: jnz 3
    0x66, 0xff, 0x06, 0x00, 0x08,        // 6: inc dword [0x800]
    0xeb, 0xf3,                          // b: jmp 0
};
/// mov, 1000 times dec and jnz, inc, jmp.
#define INSTRUCTIONS_PER_ROUND 2003

static int fail(struct perch_kvm_measurement *report) {
  report->error = errno;
  return -1;
}

/// A virtual machine whose only memory is the page at `memory`. Returns its descriptor or -1.
static int make_machine(int kvm, void *memory, struct perch_kvm_measurement *report) {
  report->stage = PERCH_KVM_CREATE_VM;
  int machine = ioctl(kvm, KVM_CREATE_VM, 0UL);
  if (machine < 0) return fail(report);
  // Intel processors without "unrestricted guest" need three spare pages for real mode; others ignore or refuse it.
  (void)ioctl(machine, KVM_SET_TSS_ADDR, 0xfffbd000UL);
  report->stage = PERCH_KVM_MEMORY;
  struct kvm_userspace_memory_region region = {.memory_size = PAGE, .userspace_addr = (uintptr_t)memory};
  if (ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) < 0) return fail(report);
  return machine;
}

/// Puts the processor at address 0 in real mode. Returns 0 or -1.
static int set_registers(int processor, struct perch_kvm_measurement *report) {
  report->stage = PERCH_KVM_REGISTERS;
  struct kvm_sregs special;
  if (ioctl(processor, KVM_GET_SREGS, &special) < 0) return fail(report);
  special.cs.base = special.ds.base = 0;
  special.cs.selector = special.ds.selector = 0;
  if (ioctl(processor, KVM_SET_SREGS, &special) < 0) return fail(report);
  struct kvm_regs general = {.rip = 0, .rflags = 2};
  if (ioctl(processor, KVM_SET_REGS, &general) < 0) return fail(report);
  return 0;
}

/// The child: makes the guest and runs it until somebody kills the process.
static void run_guest(void *memory, struct perch_kvm_measurement *report) {
  report->stage = PERCH_KVM_OPEN;
  int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm < 0) { fail(report); return; }
  report->stage = PERCH_KVM_VERSION;
  if (ioctl(kvm, KVM_GET_API_VERSION, 0UL) != KVM_API_VERSION) { report->error = ENOTSUP; return; }
  int machine = make_machine(kvm, memory, report);
  if (machine < 0) return;
  report->stage = PERCH_KVM_VCPU;
  int processor = ioctl(machine, KVM_CREATE_VCPU, 0UL);
  if (processor < 0) { fail(report); return; }
  int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
  if (size < (int)sizeof(struct kvm_run)) { report->error = ENOTSUP; return; }
  struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, processor, 0);
  if (run == MAP_FAILED) { fail(report); return; }
  if (set_registers(processor, report) < 0) return;
  report->stage = PERCH_KVM_RUN;
  while (ioctl(processor, KVM_RUN, 0UL) == 0 || errno == EINTR || errno == EAGAIN) {
    // The guest has no reason to leave: an interruption by the host is the only good one.
    if (run->exit_reason != KVM_EXIT_INTR) { report->exit_reason = run->exit_reason; return; }
  }
  fail(report);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void pause_one_millisecond(void) {
  struct timespec time = {.tv_nsec = 1000000};
  nanosleep(&time, NULL);
}

/// Waits until the guest has counted at least once, or its process has ended, or time is up. Then watches it.
static void watch(
    pid_t child, const volatile uint32_t *counter, uint64_t window, struct perch_kvm_measurement *result) {
  uint64_t begin = now();
  while (*counter == 0 && now() - begin < 2 * window) {
    siginfo_t ended = {0};
    if (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child) return;
    pause_one_millisecond();
  }
  begin = now();
  uint32_t first = *counter;
  if (first == 0) { result->nanoseconds = 2 * window; return; }
  while (now() - begin < window) pause_one_millisecond();
  result->instructions = (uint64_t)(uint32_t)(*counter - first) * INSTRUCTIONS_PER_ROUND;
  result->nanoseconds = now() - begin;
}

static void end(pid_t child) {
  kill(child, SIGKILL);
  // Taking the guest down may last; nobody waits for it longer than this. What is left is reaped with this process.
  for (int i = 0; i < 5 && waitpid(child, NULL, WNOHANG) == 0; i++) pause_one_millisecond();
}

struct perch_kvm_measurement perch_kvm_measure(uint32_t milliseconds) {
  struct perch_kvm_measurement result = {0};
  uint8_t *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) { fail(&result); return result; }
  memcpy(memory, code, sizeof code);
  struct perch_kvm_measurement *report = (struct perch_kvm_measurement *)(void *)(memory + PAGE);
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_guest(memory, report);
    _exit(0);
  }
  if (child < 0) {
    fail(&result);
  } else {
    const volatile uint32_t *counter = (const volatile uint32_t *)(const void *)(memory + COUNTER);
    watch(child, counter, (uint64_t)milliseconds * 1000000u, &result);
    end(child);
    result.stage = report->stage;
    result.error = report->error;
    result.exit_reason = report->exit_reason;
  }
  munmap(memory, 2 * PAGE);
  return result;
}

#else

// The guest is x86 code: elsewhere KVM cannot run it.
struct perch_kvm_measurement perch_kvm_measure(uint32_t milliseconds) {
  (void)milliseconds;
  return (struct perch_kvm_measurement){.stage = PERCH_KVM_CREATE_VM, .error = ENOTSUP};
}

#endif
