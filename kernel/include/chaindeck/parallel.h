// Runs one worker on several threads of our own for the length of one call.
#pragma once

#include <system_error>
#include <thread>
#include <vector>

namespace chaindeck {

// Calls `worker` once on each of `threads` threads, the caller's included, and waits for all.
// The worker must share its work out by itself (an atomic counter) and must not throw: where the
// system refuses a thread, fewer run and the work still gets done.
template <typename Worker>
void run_parallel(unsigned threads, Worker&& worker) {
    std::vector<std::thread> helpers;
    helpers.reserve(threads);
    try {
        for (unsigned i = 1; i < threads; ++i) helpers.emplace_back([&worker] { worker(); });
    } catch (const std::system_error&) {
        // The threads that did start, and this one, do the whole work.
    }
    worker();
    for (std::thread& helper : helpers) helper.join();
}

}  // namespace chaindeck
