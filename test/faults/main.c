/* Load over the library while its system calls fail at random, with a clean other side that accounts for
 * every byte.
 *
 *   faults [SCENARIO [MODE]]
 *
 * Each run is one scenario (echo, tls ...) in one mode (soft, hard, memory) with one seed, in a process of
 * its own.
 *
 * After soft faults every byte arrives; after hard ones, or out of memory, a connection may end early, but
 * what arrived is right, and no connection, descriptor or memory block stays behind. EVENTIDE_FAULTS_SEEDS
 * lists the seeds, separated by spaces; EVENTIDE_FAULTS_RATES, three numbers of 1000, takes the place of the
 * rates that follow from a seed. The last line is `N passed, N failed`. */
#include <dirent.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/tls_openssl.h"
#include "faults/run.h"

enum mode { kSoft, kHard, kMemory, kModes };
static const char *const mode_names[kModes] = {"soft", "hard", "memory"};
static const struct scenario *const scenarios[] = {&echo_scenario,       &tls_scenario,  &filter_scenario,
                                                   &tls_filter_scenario, &http_scenario, &connect_scenario};
enum { kScenarios = sizeof(scenarios) / sizeof(scenarios[0]) };
enum { kPatienceSeconds = 60, kTries = 1000 };
static const char *const default_seeds = "1 2 3 4 5 6";

/* The result of the runs of a scenario in a mode; shared with their processes. */
struct sums {
  unsigned runs, whole, cut;
  unsigned long injected[kFaultsCalls];
};
static struct sums *sums;

/* --- one run ----------------------------------------------------------------------------------------------
 */

static char doing[80];
static atomic_long blocks;

void run_mistake(struct run *run, const char *what) {
  printf("%s: %s\n", doing, what);
  ++run->mistakes;
}

static void too_late(int signal_number) {
  static const char text[] = ": a connection was left behind, or bytes did not arrive\n";
  (void)signal_number;
  faults_end();
  if (write(STDOUT_FILENO, doing, strlen(doing)) < 0 || write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
    _exit(2);
  _exit(1);
}

static void *take(size_t size) {
  void *block = faults_memory_fails() ? NULL : malloc(size);
  if (block) atomic_fetch_add(&blocks, 1);
  return block;
}
static void *take_again(void *block, size_t size) {
  void *other = faults_memory_fails() ? NULL : realloc(block, size);
  if (other && !block) atomic_fetch_add(&blocks, 1);
  return other;
}
static void give_back(void *block) {
  if (block) atomic_fetch_sub(&blocks, 1);
  free(block);
}

static int open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  int count = 0;
  if (!directory) return 0;
  while (readdir(directory)) ++count;
  closedir(directory);
  return count;
}

struct sockaddr_in run_loopback(void) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int run_start_client(struct run *run, struct client *client, int listening, int done) {
  socklen_t length = sizeof(client->address);
  client->address = run_loopback();
  getsockname(listening, (struct sockaddr *)&client->address, &length);
  client->random = run->random ^ 1;
  client->count = kTalks;
  client->done = done;
  return client_start(client);
}

static void count_talks(struct run *run, const struct client *client) {
  unsigned i;
  for (i = 0; i < client->count; ++i) {
    const struct talk *t = &client->talks[i];
    const int gave_up = t->sent >= t->give_up_at;
    if (t->plan.wrong) run_mistake(run, "bytes are not those that were sent");
    if (t->whole) ++run->whole;
    if (t->whole || gave_up) continue;
    ++run->cut;
    if (!run->all_must_arrive) continue;
    printf("%s: connection %u: sent %zu of %zu, received %zu of %zu\n", doing, i, t->sent, t->plan.out_size,
           t->plan.got, t->plan.want_size);
    run_mistake(run, "a connection ended early");
  }
}

void run_end_client(struct run *run, struct client *client) {
  client_join(client);
  count_talks(run, client);
  client_free(client);
}

static struct faults_rates rates_of(enum mode mode, uint64_t *random) {
  struct faults_rates rates;
  const char *text = getenv("EVENTIDE_FAULTS_RATES");
  rates.soft = 5 + random_below(random, random_below(random, 2) ? 300 : 40);
  rates.hard = mode == kHard ? 1 + random_below(random, 15) : 0;
  rates.memory = mode == kMemory ? 1 + random_below(random, 10) : 0;
  if (text) sscanf(text, "%u %u %u", &rates.soft, &rates.hard, &rates.memory);
  return rates;
}

/* Under faults the base may not come about at first. */
static struct event_base *make_base(uint64_t *random) {
  struct event_config *config;
  struct event_base *base = NULL;
  const uint32_t method = random_below(random, 4);
  int tries;
  for (tries = 0; !base && tries < kTries; ++tries) {
    if (!(config = event_config_new())) continue;
    if (method < 2) event_config_avoid_method(config, "epoll");
    if (method < 1) event_config_avoid_method(config, "poll");
    base = event_base_new_with_config(config);
    event_config_free(config);
  }
  return base;
}

struct end {
  struct run *run;
  const struct scenario *scenario;
  void *state;
  struct event done, look;
};

/* The clean side has ended. From here on a timer looks; before, none keeps the loop running. */
static void on_done(evutil_socket_t fd, short what, void *arg) {
  static const struct timeval soon = {0, 1000};
  struct end *end = arg;
  (void)fd;
  (void)what;
  if (event_add(&end->look, &soon) == 0) event_del(&end->done);
}
static void on_look(evutil_socket_t fd, short what, void *arg) {
  struct end *end = arg;
  (void)fd;
  (void)what;
  if (end->scenario->connections_left(end->run, end->state) == 0) event_base_loopbreak(end->run->base);
}

static int run_loop(struct run *run, const struct scenario *scenario, uint64_t seed,
                    struct faults_rates rates) {
  static struct end end;
  int done[2], tries;
  faults_begin(seed, rates);
  run->base = make_base(&run->random);
  end.run = run;
  end.scenario = scenario;
  for (tries = 0; run->base && !end.state && tries < kTries; ++tries) end.state = scenario->start(run);
  faults_end();
  if (!end.state || pipe(done) != 0) return 0;
  event_assign(&end.done, run->base, done[0], EV_READ | EV_PERSIST, on_done, &end);
  event_assign(&end.look, run->base, -1, EV_PERSIST, on_look, &end);
  if (event_add(&end.done, NULL) != 0 || !scenario->start_clean(run, end.state, done[1])) return 0;
  faults_begin(seed + 1, rates);
  if (event_base_loop(run->base, 0) != 0) run_mistake(run, "the loop ended by itself");
  faults_end();
  event_del(&end.look);
  event_del(&end.done);
  scenario->finish(run, end.state);
  close(done[0]);
  event_base_free(run->base);
  return 1;
}

static void be_quiet(int severity, const char *message) {
  (void)severity;
  (void)message;
}

static int make_contexts(struct run *run) {
  if (!tls_make_certificate()) return 0;
  run->server_tls = tls_context(1, random_below(&run->random, 2) ? TLS1_2_VERSION : TLS1_3_VERSION);
  run->client_tls = tls_context(0, SSL_CTX_get_max_proto_version(run->server_tls));
  return run->server_tls && run->client_tls;
}

/* Returns the status of the process. */
static int run_one(const struct scenario *scenario, enum mode mode, uint64_t seed, struct sums *sum) {
  struct run run;
  struct faults_rates rates;
  int fds, i;
  snprintf(doing, sizeof(doing), "%s %s, seed %llu", scenario->name, mode_names[mode],
           (unsigned long long)seed);
  signal(SIGALRM, too_late);
  signal(SIGPIPE, SIG_IGN);
  alarm(kPatienceSeconds);
  memset(&run, 0, sizeof(run));
  run.random = seed_random(seed);
  run.all_must_arrive = mode == kSoft;
  rates = rates_of(mode, &run.random);
  event_set_mem_functions(take, take_again, give_back);
  event_set_log_callback(be_quiet);
#ifdef EVENTIDE_FAULTS_THREADS
  if (random_below(&run.random, 2)) evthread_use_pthreads();
#endif
  if (!make_contexts(&run)) return 2;
  fds = open_descriptors();
  if (!run_loop(&run, scenario, seed, rates)) {
    printf("%s: did not start\n", doing);
    return 1;
  }
  SSL_CTX_free(run.server_tls);
  SSL_CTX_free(run.client_tls);
  X509_free(tls_certificate);
  EVP_PKEY_free(tls_key);
  libevent_global_shutdown();
  if (open_descriptors() != fds) run_mistake(&run, "a descriptor was left open");
  if (atomic_load(&blocks) != 0) run_mistake(&run, "memory was not freed");
  ++sum->runs;
  sum->whole += run.whole;
  sum->cut += run.cut;
  for (i = 0; i < kFaultsCalls; ++i) sum->injected[i] += faults_injected((enum faults_call)i);
  return run.mistakes != 0;
}

/* --- all of them ------------------------------------------------------------------------------------------
 */

static int passes(const struct scenario *scenario, enum mode mode, uint64_t seed, struct sums *sum) {
  int status = -1;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) exit(run_one(scenario, mode, seed, sum));
  if (child < 0 || waitpid(child, &status, 0) != child) return 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 1;
  printf("FAILED %s %s, seed %llu: status %#x\n", scenario->name, mode_names[mode], (unsigned long long)seed,
         (unsigned)status);
  return 0;
}

static void print_sums(const struct scenario *scenario, enum mode mode, const struct sums *sum) {
  int i;
  printf("table: %-10s %-6s %2u runs, %4u connections whole, %3u cut, faults:", scenario->name,
         mode_names[mode], sum->runs, sum->whole, sum->cut);
  for (i = 0; i < kFaultsCalls; ++i) {
    if (sum->injected[i]) printf(" %s %lu", faults_names[i], sum->injected[i]);
  }
  printf("\n");
}

/* Runs in which nothing failed, or nothing got through, show nothing. */
static int is_empty(const struct scenario *scenario, enum mode mode, const struct sums *sum) {
  enum { kEnoughRuns = 5 };
  const int disturbed = sum->injected[kFaultsRead] && sum->injected[kFaultsWrite] &&
                        sum->injected[kFaultsWait] && (mode != kMemory || sum->injected[kFaultsMemory]);
  if (sum->runs < kEnoughRuns || (disturbed && sum->whole > 0)) return 0;
  printf("FAILED %s %s: nothing was disturbed, or nothing arrived\n", scenario->name, mode_names[mode]);
  return 1;
}

int main(int argc, char **argv) {
  const char *seeds = getenv("EVENTIDE_FAULTS_SEEDS");
  unsigned passed = 0, failed = 0;
  size_t s;
  int mode;
  sums = mmap(NULL, sizeof(*sums) * kScenarios * kModes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
              -1, 0);
  if (sums == MAP_FAILED) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (!seeds || !*seeds) seeds = default_seeds;
  for (s = 0; s < kScenarios; ++s) {
    if (argc > 1 && strcmp(argv[1], scenarios[s]->name) != 0) continue;
    for (mode = 0; mode < kModes; ++mode) {
      struct sums *sum = &sums[s * kModes + (size_t)mode];
      const char *at = seeds;
      char *end;
      uint64_t seed;
      if (argc > 2 && strcmp(argv[2], mode_names[mode]) != 0) continue;
      for (seed = strtoull(at, &end, 10); end != at; seed = strtoull(at, &end, 10)) {
        at = end;
        if (passes(scenarios[s], (enum mode)mode, seed, sum)) {
          ++passed;
        } else {
          ++failed;
        }
      }
      print_sums(scenarios[s], (enum mode)mode, sum);
      if (is_empty(scenarios[s], (enum mode)mode, sum)) ++failed;
    }
  }
  printf("%u passed, %u failed\n", passed, failed);
  return failed || !passed;
}
