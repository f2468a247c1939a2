/* Tests that need a process of their own. On POSIX it is forked; Windows starts the program once more, so
 * that the function finds nothing there that the caller did before. */
#ifndef EVENTIDE_TEST_API_CHILD_H
#define EVENTIDE_TEST_API_CHILD_H

#include "api/check.h"

#ifdef _WIN32
#include <stdint.h>
#include <windows.h>

/* Which function: where it lies in the program. */
#define CHECK_CHILD_VARIABLE_ "CHECK_CHILD"
extern IMAGE_DOS_HEADER __ImageBase;

/* Runs before main() in a program that in_child() started, and does not return there. */
__attribute__((constructor)) static void check_be_child_(void) {
  const char *offset = getenv(CHECK_CHILD_VARIABLE_);
  void (*fn)(void);
  if (!offset) return;
  fn = (void (*)(void))((uintptr_t)&__ImageBase + strtoull(offset, NULL, 16));
  putenv(CHECK_CHILD_VARIABLE_ "=");
  fn();
  fflush(stdout);
  _exit(CHECK_FAILED());
}

/* Runs fn in a process of its own; returns its exit status: 0 if no check failed, -1 if it died or took too
 * long. */
static int in_child(void (*fn)(void)) {
  char program[MAX_PATH], offset[32];
  STARTUPINFOA startup;
  PROCESS_INFORMATION child;
  DWORD status = (DWORD)-1;
  BOOL started;
  memset(&startup, 0, sizeof(startup));
  startup.cb = sizeof(startup);
  snprintf(offset, sizeof(offset), "%llx", (unsigned long long)((uintptr_t)fn - (uintptr_t)&__ImageBase));
  GetModuleFileNameA(NULL, program, sizeof(program));
  SetEnvironmentVariableA(CHECK_CHILD_VARIABLE_, offset);
  started = CreateProcessA(program, NULL, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child);
  SetEnvironmentVariableA(CHECK_CHILD_VARIABLE_, NULL);
  if (!started) return -1;
  if (WaitForSingleObject(child.hProcess, 60000) != WAIT_OBJECT_0) TerminateProcess(child.hProcess, (UINT)-1);
  WaitForSingleObject(child.hProcess, 10000);
  GetExitCodeProcess(child.hProcess, &status);
  CloseHandle(child.hThread);
  CloseHandle(child.hProcess);
  return status > 255 ? -1 : (int)status;
}

#else
#include <sys/wait.h>
#include <unistd.h>

static int in_child(void (*fn)(void)) {
  int status = -1;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    alarm(30);
    fn();
    fflush(stdout);
    _exit(CHECK_FAILED());
  }
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#endif

#endif
