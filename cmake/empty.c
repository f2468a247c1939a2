/* Nothing: the source of libraries that only NEED other libraries. */
typedef int eventide_empty;
