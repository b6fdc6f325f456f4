// SPDX-License-Identifier: Apache-2.0
// What the harnesses of simulated boards share: bytes from standard input.
#ifndef PIPE_H
#define PIPE_H

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

class Pipe {
  public:
    // Whether a byte is there; if wanted, waits until one is. After the end of the input, none is.
    bool holds_byte(bool wait) {
        if (sent_ < filled_) return true;
        pollfd input = {0, POLLIN, 0};
        if (poll(&input, 1, wait ? -1 : 0) <= 0) return false;
        const ssize_t got = read(0, buffer_, sizeof buffer_);
        ended_ = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
        filled_ = got > 0 ? got : 0;
        sent_ = 0;
        return filled_ > 0;
    }

    bool has_ended() const { return ended_; }

    uint8_t take() { return buffer_[sent_++]; }

  private:
    uint8_t buffer_[4096];
    size_t filled_ = 0, sent_ = 0;
    bool ended_ = false;
};

#endif
