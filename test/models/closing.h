// Tells the modelled kernels that a number was closed, as a kernel knows by itself.
#ifndef EVENTIDE_TEST_MODELS_CLOSING_H
#define EVENTIDE_TEST_MODELS_CLOSING_H

namespace model {

// Each model's part, called before the number is closed, or by dup2 and dup3 opened anew.
void kqueue_closing(int fd);
void port_closing(int fd);
void devpoll_closing(int fd);

// The C library's close().
int real_close(int fd);

}  // namespace model

#endif
