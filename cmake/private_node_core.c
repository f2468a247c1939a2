/* The function that is named after the build of event_core: see private_node.cmake. */
#include "private_node.h"

void EVENTIDE_PRIVATE_NODE(void);
void EVENTIDE_PRIVATE_NODE(void) {}
