// Clang's thread-safety attributes under our names; empty for other compilers.
#ifndef EVI_THREAD_ANNOTATIONS_H
#define EVI_THREAD_ANNOTATIONS_H

#if defined(__clang__)
#define EVI_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define EVI_THREAD_ATTRIBUTE(x)
#endif

#define EVI_CAPABILITY(name) EVI_THREAD_ATTRIBUTE(capability(name))
#define EVI_SCOPED_CAPABILITY EVI_THREAD_ATTRIBUTE(scoped_lockable)
#define EVI_GUARDED_BY(lock) EVI_THREAD_ATTRIBUTE(guarded_by(lock))
#define EVI_REQUIRES(lock) EVI_THREAD_ATTRIBUTE(requires_capability(lock))
#define EVI_EXCLUDES(lock) EVI_THREAD_ATTRIBUTE(locks_excluded(lock))
#define EVI_ACQUIRE(...) EVI_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define EVI_RELEASE(...) EVI_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define EVI_NO_THREAD_SAFETY_ANALYSIS EVI_THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif
