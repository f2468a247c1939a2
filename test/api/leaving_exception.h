/* The C++ exception that leaves a callback, for tests in C. */
#ifndef EVENTIDE_TEST_API_LEAVING_EXCEPTION_H
#define EVENTIDE_TEST_API_LEAVING_EXCEPTION_H

#ifdef __cplusplus
extern "C" {
#endif

void leave_by_exception(void);
/* True if run() was left by it, and all destructors on the way ran. */
int left_by_exception(void (*run)(void));

#ifdef __cplusplus
}
#endif

#endif
