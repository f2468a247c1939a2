/* Makes a sibling library need the event_core of its own build: see private_node.cmake. */
#include "private_node.h"

void EVENTIDE_PRIVATE_NODE(void);
__attribute__((used)) static void (*const core_of_this_build)(void) = EVENTIDE_PRIVATE_NODE;
