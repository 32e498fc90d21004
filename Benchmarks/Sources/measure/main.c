// Times commands against each other: every round runs each of them once, so that a slow minute of the machine hits all.
//
//   measure ROUNDS [--until TEXT] LABEL COMMAND ARGUMENT... --- [--until TEXT] LABEL COMMAND ARGUMENT... ...
//
// A command is timed from its start to its end, which must be successful, or to the first line of its standard output
// that holds TEXT, after which it is asked to end. Prints a line for each: label, median and least milliseconds, and the
// median of its largest resident set in KiB, separated by tabs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { most_contestants = 8, most_rounds = 1000, patience_seconds = 60 };

struct contestant {
  const char *label, *until;
  char **command;
  double milliseconds[most_rounds], kibibytes[most_rounds];
};

static void fail(const char *label, const char *reason) {
  fprintf(stderr, "measure: %s: %s\n", label, reason);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

// Reads lines until one holds `text`; with no text, until the end. 1 when found.
static int read_until(int stream, const char *text, double deadline) {
  static char line[1 << 16];
  size_t length = 0;
  for (;;) {
    struct pollfd ready = {.fd = stream, .events = POLLIN};
    double left = deadline - now();
    if (left <= 0 || poll(&ready, 1, (int)left + 1) == 0) return -1;
    ssize_t count = read(stream, line + length, sizeof line - 1 - length);
    if (count <= 0) return 0;
    length += (size_t)count;
    line[length] = 0;
    if (!text) {
      length = 0;
      continue;
    }
    if (memmem(line, length, text, strlen(text))) return 1;
    // Keep as much as the text could have begun in.
    size_t keep = length < strlen(text) ? length : strlen(text) - 1;
    memmove(line, line + length - keep, keep);
    length = keep;
  }
}

static pid_t start(char **command, int output) {
  pid_t child = fork();
  if (child != 0) return child;
  setpgid(0, 0);
  int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, 0);
  dup2(output, 1);
  dup2(nothing, 2);
  execvp(command[0], command);
  _exit(127);
}

// Asks a group to end, and insists after three seconds.
static void end(pid_t child, int *status, struct rusage *usage) {
  kill(-child, SIGTERM);
  for (int tries = 0; tries < 300; tries++) {
    if (wait4(child, status, WNOHANG, usage) == child) return;
    usleep(10000);
  }
  kill(-child, SIGKILL);
  wait4(child, status, 0, usage);
}

static void run(struct contestant *contestant, int round) {
  int ends[2], status = 0;
  struct rusage usage;
  if (pipe2(ends, O_CLOEXEC) != 0) fail(contestant->label, strerror(errno));
  double begin = now();
  pid_t child = start(contestant->command, ends[1]);
  if (child < 0) fail(contestant->label, strerror(errno));
  setpgid(child, child);
  close(ends[1]);
  int found = read_until(ends[0], contestant->until, begin + patience_seconds * 1e3);
  double over = now();
  if (contestant->until || found < 0) {
    end(child, &status, &usage);
    if (found != 1) fail(contestant->label, "the line never came");
  } else {
    wait4(child, &status, 0, &usage);
    over = now();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail(contestant->label, "the command failed");
  }
  close(ends[0]);
  contestant->milliseconds[round] = over - begin;
  contestant->kibibytes[round] = (double)usage.ru_maxrss;
}

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, by_size);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static int parse(char **arguments, struct contestant *contestants) {
  int count = 0;
  while (*arguments) {
    if (count == most_contestants) fail("arguments", "too many commands");
    struct contestant *contestant = &contestants[count++];
    if (!strcmp(*arguments, "--until") && arguments[1]) {
      contestant->until = arguments[1];
      arguments += 2;
    }
    if (!*arguments || !arguments[1]) fail("arguments", "a label and a command are needed");
    contestant->label = arguments[0];
    contestant->command = ++arguments;
    while (*arguments && strcmp(*arguments, "---")) arguments++;
    if (*arguments) *arguments++ = NULL;
  }
  return count;
}

int main(int argc, char **argv) {
  static struct contestant contestants[most_contestants];
  int rounds = argc > 1 ? atoi(argv[1]) : 0;
  if (rounds < 1 || rounds > most_rounds) fail("arguments", "ROUNDS must be 1...1000");
  int count = parse(argv + 2, contestants);
  for (int round = 0; round < rounds; round++)
    for (int index = 0; index < count; index++) run(&contestants[index], round);
  for (int index = 0; index < count; index++) {
    struct contestant *contestant = &contestants[index];
    double middle = median(contestant->milliseconds, rounds);
    printf("%s\t%.2f\t%.2f\t%.0f\n", contestant->label, middle, contestant->milliseconds[0],
           median(contestant->kibibytes, rounds));
  }
  return 0;
}
