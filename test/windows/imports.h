/* The import table of a loaded DLL. */
#ifndef TEST_WINDOWS_IMPORTS_H
#define TEST_WINDOWS_IMPORTS_H

#include <string.h>
#include <windows.h>

/* Returns: the address slot of the first imported function whose name begins with `beginning`; NULL if there
 * is none. `found` may be NULL; it gets the name. */
static ULONG_PTR *import_of(HMODULE library, const char *beginning, const char **found) {
  BYTE *image = (BYTE *)library;
  IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(image + ((IMAGE_DOS_HEADER *)image)->e_lfanew);
  IMAGE_DATA_DIRECTORY *imports = &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  IMAGE_IMPORT_DESCRIPTOR *dll = (IMAGE_IMPORT_DESCRIPTOR *)(image + imports->VirtualAddress);
  for (; dll->Name; ++dll) {
    IMAGE_THUNK_DATA *names = (IMAGE_THUNK_DATA *)(image + dll->OriginalFirstThunk);
    IMAGE_THUNK_DATA *addresses = (IMAGE_THUNK_DATA *)(image + dll->FirstThunk);
    for (; names->u1.AddressOfData; ++names, ++addresses) {
      IMAGE_IMPORT_BY_NAME *import = (IMAGE_IMPORT_BY_NAME *)(image + names->u1.AddressOfData);
      if (IMAGE_SNAP_BY_ORDINAL(names->u1.Ordinal)) continue;
      if (strncmp((const char *)import->Name, beginning, strlen(beginning)) != 0) continue;
      if (found) *found = (const char *)import->Name;
      return (ULONG_PTR *)&addresses->u1.Function;
    }
  }
  return NULL;
}

#endif
