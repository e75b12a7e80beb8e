// Recovers signers on one thread of its own, for a caller that goes on meanwhile and is woken.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "chaindeck/signatures.h"

namespace chaindeck {

class RecoveryQueue {
public:
    struct Task {
        std::uint64_t ticket = 0;
        std::vector<std::uint8_t> digests;     // 32 bytes each
        std::vector<std::uint8_t> signatures;  // as many of 65
    };
    struct Answer {
        std::uint64_t ticket = 0;
        std::vector<KeyHash> key_hashes;
        std::vector<Recovery> statuses;
    };

    // `wake` is called on the queue's thread each time when an answer comes while none waits. It
    // must not throw. Throws std::system_error where the system refuses a thread.
    RecoveryQueue(const SignatureLibrary& library, const Sha256Engine& engine,
                  std::function<void()> wake);
    // Finishes the task under way and forgets the others. Afterwards `wake` is not called again.
    ~RecoveryQueue();
    RecoveryQueue(const RecoveryQueue&) = delete;
    RecoveryQueue& operator=(const RecoveryQueue&) = delete;

    // Returns at once. How many tasks wait is for the caller to bound.
    void submit(Task task);
    // Every answer that waits, in the order of the tasks.
    std::vector<Answer> take();

private:
    void work();
    Answer recover(const Task& task) const;

    const SignatureLibrary library_;
    const Sha256Engine& engine_;
    const std::function<void()> wake_;
    std::mutex mutex_;
    std::condition_variable task_came_;
    std::deque<Task> tasks_;
    std::vector<Answer> answers_;
    bool is_closing_ = false;
    std::thread thread_;
};

}  // namespace chaindeck
