/* There is no limit on how many sockets a process has here. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_RESOURCE_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_RESOURCE_H

#ifdef __cplusplus
extern "C" {
#endif

#define RLIMIT_NOFILE 7

typedef unsigned long rlim_t;

struct rlimit {
  rlim_t rlim_cur, rlim_max;
};

/* Returns a large limit; setting one fails. */
int getrlimit(int what, struct rlimit *limit);
int setrlimit(int what, const struct rlimit *limit);

#ifdef __cplusplus
}
#endif

#endif
