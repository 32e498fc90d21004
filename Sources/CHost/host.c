#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The child's half of perch_spawn: async-signal-safe calls only. Comes back only with an errno value.
static int become(const char *path, char *const arguments[], const int *descriptors, int count, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) return errno;
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return errno;
  // The parent may have died before the line above took effect.
  if (getppid() != parent) return ESRCH;
  // Twice: straight to the final numbers, one descriptor could overwrite another that is still to be moved.
  int high[16];
  for (int i = 0; i < count; i++) {
    high[i] = fcntl(descriptors[i], F_DUPFD, 64);
    if (high[i] < 0) return errno;
  }
  for (int i = 0; i < count; i++)
    if (dup2(high[i], i) < 0) return errno;
  if (syscall(SYS_close_range, count, ~0U, 0) != 0) return errno;
  execv(path, arguments);
  return errno;
}

int perch_spawn(const char *path, char *const arguments[], const int *descriptors, int count, pid_t *process) {
  if (count < 3 || count > 16) return EINVAL;
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    become(path, arguments, descriptors, count, parent);
    _exit(127);
  }
  *process = child;
  return 0;
}

int perch_anonymous_file(const char *label, int64_t size) {
  int descriptor = memfd_create(label, MFD_CLOEXEC);
  if (descriptor < 0) return -errno;
  if (ftruncate(descriptor, size) != 0) {
    int error = errno;
    close(descriptor);
    return -error;
  }
  return descriptor;
}
