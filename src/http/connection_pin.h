// Keeps a connection's memory while its functions are on the stack. A count in the connection, not a link to
// the stack: callbacks of the application may be left by longjmp(), an exception or the end of their thread,
// and then the memory stays.
#ifndef EVI_HTTP_CONNECTION_PIN_H
#define EVI_HTTP_CONNECTION_PIN_H

#include "http/connection.h"

class evhttp_connection::Pin {
 public:
  explicit Pin(evhttp_connection &connection) noexcept : connection_(connection) { ++connection.pins_; }
  Pin(const Pin &) = delete;
  Pin &operator=(const Pin &) = delete;
  ~Pin() {
    if (--connection_.pins_ == 0 && connection_.life_ == Life::closed) connection_.role_.destroy(connection_);
  }

 private:
  evhttp_connection &connection_;
};

#endif
