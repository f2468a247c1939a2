// Notifies the modelled kernels that an fd was closed, which a real kernel knows by itself.
#ifndef EVENTIDE_TEST_MODELS_CLOSING_H
#define EVENTIDE_TEST_MODELS_CLOSING_H

namespace model {

// The hook of each model, called before the fd is closed or replaced by dup2() or dup3().
void kqueue_closing(int fd);
void port_closing(int fd);
void devpoll_closing(int fd);

// The C library's close().
int real_close(int fd);

}  // namespace model

#endif
