// Asks QEMU's human monitor, and times the answers.
//
//   monitor SOCKET COMMAND               prints the answer
//   monitor SOCKET ROUNDS COMMAND        prints a line: the command, median and least milliseconds, separated by tabs;
//                                        then how many lines the answer has
//
// A time is that from the command's last byte to the prompt behind the answer.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { most_rounds = 1000, patience_milliseconds = 60000, room = 1 << 24 };

static char answer[room];

static void fail(const char *reason) {
  fprintf(stderr, "monitor: %s\n", reason);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail("the socket's name is too long");
  strcpy(address.sun_path, path);
  int stream = socket(AF_UNIX, SOCK_STREAM, 0);
  if (stream < 0 || connect(stream, (struct sockaddr *)&address, sizeof address) != 0) fail(strerror(errno));
  return stream;
}

// Reads until the prompt, and cuts it off.
static void read_answer(int stream) {
  static const char prompt[] = "(qemu) ";
  size_t length = 0, end = strlen(prompt);
  while (length < end || memcmp(answer + length - end, prompt, end) != 0) {
    struct pollfd ready = {.fd = stream, .events = POLLIN};
    if (poll(&ready, 1, patience_milliseconds) <= 0) fail("no answer");
    ssize_t count = read(stream, answer + length, room - 1 - length);
    if (count <= 0) fail("the connection ended");
    length += (size_t)count;
  }
  answer[length - end] = 0;
}

static void ask(int stream, const char *command) {
  if (dprintf(stream, "%s\n", command) < 0) fail(strerror(errno));
  read_answer(stream);
}

// The first line is the echo of the command.
static char *body(void) {
  char *line = strchr(answer, '\n');
  return line ? line + 1 : answer;
}

static int by_size(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  static double times[most_rounds];
  if (argc != 3 && argc != 4) fail("usage: monitor SOCKET [ROUNDS] COMMAND");
  int rounds = argc == 4 ? atoi(argv[2]) : 1, lines = 0;
  if (rounds < 1 || rounds > most_rounds) fail("ROUNDS must be 1...1000");
  int stream = connect_to(argv[1]);
  read_answer(stream);
  for (int round = 0; round < rounds; round++) {
    double begin = now();
    ask(stream, argv[argc - 1]);
    times[round] = now() - begin;
  }
  if (argc == 3) {
    fputs(body(), stdout);
    return 0;
  }
  for (const char *next = body(); (next = strchr(next, '\n')); next++) lines++;
  qsort(times, (size_t)rounds, sizeof *times, by_size);
  printf("%s\t%.3f\t%.3f\nanswered\t%d lines\n", argv[argc - 1], times[rounds / 2], times[0], lines);
  return 0;
}
