/* The export macros of the libraries' functions, for shared libraries and DLLs.
 *
 * A program never needs these macros; every declaration in the other headers carries one of them. They say
 * which library defines the function:
 *
 *   EVENT2_CORE_EXPORT_SYMBOL   event_core: bases, events, buffers, bufferevents, listeners, util
 *   EVENT2_EXTRA_EXPORT_SYMBOL  event_extra: DNS, HTTP, RPC, tags, WebSockets
 *   EVENT2_EXPORT_SYMBOL        any library, used where one header serves several of them (threads, TLS)
 *
 * With gcc and clang all three give default visibility, so that a library may be compiled with
 * -fvisibility=hidden. On Windows they matter only for DLLs:
 *
 *   EVENT2_BUILDING_CORE, EVENT2_BUILDING_EXTRA, EVENT2_BUILDING
 *                        defined while the sources of that DLL are compiled: the functions are exported.
 *                        EVENT2_BUILDING_CORE and EVENT2_BUILDING_EXTRA together make the umbrella DLL.
 *   EVENT__NEED_DLLIMPORT
 *                        may be defined by a program that links to the DLLs: saves one jump per call. Must
 *                        not be defined when linking to the static libraries.
 *
 * Since 2.1.
 */
#ifndef EVENT2_VISIBILITY_H_INCLUDED_
#define EVENT2_VISIBILITY_H_INCLUDED_

#include <event2/event-config.h>

#if defined(_WIN32)
#if defined(EVENT2_BUILDING_CORE) || defined(EVENT2_BUILDING_EXTRA) || defined(EVENT2_BUILDING)
#define EVENT2_EXPORT_SYMBOL __declspec(dllexport)
#elif defined(EVENT__NEED_DLLIMPORT)
#define EVENT2_EXPORT_SYMBOL __declspec(dllimport)
#else
#define EVENT2_EXPORT_SYMBOL
#endif
#if defined(EVENT2_BUILDING_CORE)
#define EVENT2_CORE_EXPORT_SYMBOL __declspec(dllexport)
#elif defined(EVENT__NEED_DLLIMPORT)
#define EVENT2_CORE_EXPORT_SYMBOL __declspec(dllimport)
#else
#define EVENT2_CORE_EXPORT_SYMBOL
#endif
#if defined(EVENT2_BUILDING_EXTRA)
#define EVENT2_EXTRA_EXPORT_SYMBOL __declspec(dllexport)
#elif defined(EVENT__NEED_DLLIMPORT)
#define EVENT2_EXTRA_EXPORT_SYMBOL __declspec(dllimport)
#else
#define EVENT2_EXTRA_EXPORT_SYMBOL
#endif
#else
#if defined(__GNUC__)
#define EVENT2_EXPORT_SYMBOL __attribute__((visibility("default")))
#else
#define EVENT2_EXPORT_SYMBOL
#endif
#define EVENT2_CORE_EXPORT_SYMBOL EVENT2_EXPORT_SYMBOL
#define EVENT2_EXTRA_EXPORT_SYMBOL EVENT2_EXPORT_SYMBOL
#endif

#endif
