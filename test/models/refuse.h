// How a test makes the modelled kernels refuse.
#ifndef EVENTIDE_TEST_MODELS_REFUSE_H
#define EVENTIDE_TEST_MODELS_REFUSE_H

namespace model {

// Unless 0: the error with which kqueue(), port_create() and the opening of /dev/poll fail.
inline int refuse_with = 0;

}  // namespace model

#endif
