/* Libraries of different builds do not load together: the loader finds that a sibling of libevent_core
 * imports a function that is named after the build. */
#include <event2/event.h>
#include <event2/http.h>
#include <windows.h>

#include "api/check.h"
#include "windows/imports.h"

TEST(a_sibling_imports_a_function_that_is_named_after_the_build_of_core) {
  HMODULE core = GetModuleHandleA("libevent_core-2-1-7.dll");
  HMODULE extra = GetModuleHandleA("libevent_extra-2-1-7.dll");
  const char *name = NULL;
  ULONG_PTR *import;
  CHECK(core && extra);
  import = import_of(extra, "eventide_private_", &name);
  CHECK(import);
  CHECK_INT_EQ(strlen(name), strlen("eventide_private_0123456789abcdef"));
  CHECK(*import == (ULONG_PTR)GetProcAddress(core, name));
}

TEST(siblings_import_internal_functions_of_core_and_no_copies) {
  HMODULE extra = GetModuleHandleA("libevent_extra-2-1-7.dll");
  CHECK(extra);
  CHECK(import_of(extra, "_ZN3evi9mm_malloc", NULL));
  CHECK(import_of(extra, "_ZN3evi19format_time_rfc1123", NULL));
}

int main(int argc, char **argv) {
  /* Without a use of it libevent_extra would not be loaded. */
  evhttp_free(NULL);
  RUN_TESTS(a_sibling_imports_a_function_that_is_named_after_the_build_of_core,
            siblings_import_internal_functions_of_core_and_no_copies);
}
