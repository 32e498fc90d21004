#define _GNU_SOURCE
#include "kvm_machine.h"

#include <errno.h>

#if defined(__x86_64__)

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int fail(struct perch_kvm_machine *machine) {
  machine->base.error = errno;
  return -1;
}

static struct kvm_run *shared(const struct perch_kvm_machine *machine) { return (struct kvm_run *)machine->run; }

/// The processor leaves the guest for the clock's signal and for every signal that this thread takes anyway.
///
/// The signal stays blocked on the thread, so that none is lost between two runs and no handler is needed
/// (Linux, Documentation/virt/kvm/api.rst, 4.20 KVM_SET_SIGNAL_MASK).
static int set_signal_mask(struct perch_kvm_machine *machine, int clock) {
  sigset_t blocked, taken;
  sigemptyset(&blocked);
  sigaddset(&blocked, clock);
  errno = pthread_sigmask(SIG_BLOCK, &blocked, &taken);
  if (errno != 0) return fail(machine);
  machine->was_blocked = sigismember(&taken, clock);
  sigdelset(&taken, clock);
  // The kernel's set has 64 signals; the C library's begins with the same ones.
  union {
    struct kvm_signal_mask mask;
    uint8_t bytes[sizeof(struct kvm_signal_mask) + 8];
  } request = {.mask = {.len = 8}};
  memcpy(request.mask.sigset, &taken, 8);
  return ioctl(machine->base.processor, KVM_SET_SIGNAL_MASK, &request) < 0 ? fail(machine) : 0;
}

int perch_kvm_machine_start_clock(struct perch_kvm_machine *machine, uint64_t nanoseconds) {
  machine->base.stage = PERCH_KVM_RUN;
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
  event._sigev_un._tid = gettid();
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return fail(machine);
  machine->timer = (uintptr_t)timer;
  machine->has_timer = 1;
  if (set_signal_mask(machine, SIGRTMIN) < 0) return -1;
  struct timespec interval = {
      .tv_sec = (time_t)(nanoseconds / 1000000000u), .tv_nsec = (long)(nanoseconds % 1000000000u)};
  struct itimerspec times = {.it_interval = interval, .it_value = interval};
  return timer_settime(timer, 0, &times, NULL) != 0 ? fail(machine) : 0;
}

/// Takes the clock's signal where it is pending.
static void take_signal(void) {
  sigset_t clock;
  sigemptyset(&clock);
  sigaddset(&clock, SIGRTMIN);
  struct timespec none = {0};
  while (sigtimedwait(&clock, NULL, &none) > 0) {}
}

void perch_kvm_machine_stop_clock(struct perch_kvm_machine *machine) {
  if (!machine->has_timer) return;
  timer_delete((timer_t)machine->timer);
  machine->has_timer = 0;
  take_signal();
  if (machine->was_blocked) return;
  sigset_t clock;
  sigemptyset(&clock);
  sigaddset(&clock, SIGRTMIN);
  pthread_sigmask(SIG_UNBLOCK, &clock, NULL);
}

/// Where the value of the access that KVM waits for lies.
static void *place_of_value(struct perch_kvm_machine *machine) {
  struct kvm_run *run = shared(machine);
  if (run->exit_reason == KVM_EXIT_MMIO) return run->mmio.data;
  return (uint8_t *)run + run->io.data_offset + (uint64_t)machine->item * run->io.size;
}

/// The access that KVM waits for; of a string instruction the item that is next.
static int ask(struct perch_kvm_machine *machine) {
  const struct kvm_run *run = shared(machine);
  int is_port = run->exit_reason == KVM_EXIT_IO;
  machine->access = is_port ? (struct perch_kvm_access){.address = run->io.port,
                                  .size = run->io.size,
                                  .is_write = run->io.direction == KVM_EXIT_IO_OUT}
                            : (struct perch_kvm_access){.address = run->mmio.phys_addr,
                                  .size = run->mmio.len,
                                  .is_write = run->mmio.is_write};
  if (machine->access.size > sizeof machine->access.value) machine->access.size = sizeof machine->access.value;
  if (machine->access.is_write) memcpy(&machine->access.value, place_of_value(machine), machine->access.size);
  machine->is_access_pending = 1;
  return is_port ? PERCH_KVM_PORT : PERCH_KVM_HOLE;
}

/// Hands the answer over. Returns whether the same instruction has another item to ask for.
static int answer(struct perch_kvm_machine *machine) {
  const struct kvm_run *run = shared(machine);
  if (!machine->access.is_write) memcpy(place_of_value(machine), &machine->access.value, machine->access.size);
  machine->is_access_pending = 0;
  int is_more = run->exit_reason == KVM_EXIT_IO && machine->item + 1 < run->io.count;
  machine->item = is_more ? machine->item + 1 : 0;
  return is_more;
}

/// An instruction has ended, and `next` is where the processor goes on.
///
/// HLT of an emulating KVM ends in a step and not in an exit of its own.
static int stepped(struct perch_kvm_machine *machine, uint64_t next) {
  machine->instructions++;
  int was_one_byte = next == machine->next + 1;
  machine->next = next;
  return was_one_byte ? PERCH_KVM_STEP : 0;
}

/// What the exit is to the caller; 0 where there is nothing to tell.
static int event(struct perch_kvm_machine *machine) {
  const struct kvm_run *run = shared(machine);
  machine->exit_reason = run->exit_reason;
  machine->detail = 0;
  switch (run->exit_reason) {
    case KVM_EXIT_IO:
    case KVM_EXIT_MMIO: return ask(machine);
    case KVM_EXIT_HLT: return PERCH_KVM_HALT;
    case KVM_EXIT_SHUTDOWN: return PERCH_KVM_SHUTDOWN;
    case KVM_EXIT_INTR: return PERCH_KVM_TICK;
    case KVM_EXIT_DEBUG: return stepped(machine, run->debug.arch.pc);
    case KVM_EXIT_FAIL_ENTRY: machine->detail = run->fail_entry.hardware_entry_failure_reason; break;
    case KVM_EXIT_INTERNAL_ERROR: machine->detail = run->internal.suberror; break;
    default: break;
  }
  return PERCH_KVM_STUCK;
}

/// Lets the instruction that made the access end, and nothing else. An emulating KVM steps over some of them without a
/// word (Linux, arch/x86/kvm/x86.c, x86_emulate_instruction), so that they are counted here.
static int complete(struct perch_kvm_machine *machine) {
  shared(machine)->immediate_exit = 1;
  int result = ioctl(machine->base.processor, KVM_RUN, 0UL);
  shared(machine)->immediate_exit = 0;
  if (result == 0) return event(machine);
  struct kvm_regs general;
  if (errno != EINTR || ioctl(machine->base.processor, KVM_GET_REGS, &general) < 0) return fail(machine);
  machine->instructions++;
  machine->next = general.rip;
  return 0;
}

int perch_kvm_machine_run(struct perch_kvm_machine *machine) {
  machine->base.stage = PERCH_KVM_RUN;
  if (machine->is_access_pending) {
    if (answer(machine)) return ask(machine);
    int result = machine->is_counting ? complete(machine) : 0;
    if (result != 0) return result;
  }
  while (1) {
    if (ioctl(machine->base.processor, KVM_RUN, 0UL) == 0) {
      int result = event(machine);
      if (result != 0) return result;
    } else if (errno == EINTR || errno == EAGAIN) {
      take_signal();
      return PERCH_KVM_TICK;
    } else {
      return fail(machine);
    }
  }
}

#else

// As in kvm_machine.c: there is nothing to run.
int perch_kvm_machine_start_clock(struct perch_kvm_machine *machine, uint64_t nanoseconds) {
  (void)machine, (void)nanoseconds;
  return -1;
}

void perch_kvm_machine_stop_clock(struct perch_kvm_machine *machine) { (void)machine; }

int perch_kvm_machine_run(struct perch_kvm_machine *machine) {
  (void)machine;
  return -1;
}

#endif
