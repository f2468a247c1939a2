/* Processes are not forked here: fork() fails, and the tests of it are left out by their names. */
#ifndef EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_WAIT_H
#define EVENTIDE_TEST_SUPPORT_WINDOWS_SYS_WAIT_H

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGKILL 9
#define WIFEXITED(status) ((void)(status), 0)
#define WEXITSTATUS(status) ((void)(status), -1)
#define WIFSIGNALED(status) ((void)(status), 0)
#define WTERMSIG(status) ((void)(status), -1)

int fork(void);
pid_t waitpid(pid_t child, int *status, int options);
pid_t getppid(void);
int kill(pid_t process, int number);

#ifdef __cplusplus
}
#endif

#endif
