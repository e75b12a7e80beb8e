// The lock is held to move tasks and answers, never while a signature is recovered.
#include "chaindeck/recovery_queue.h"

#include <utility>

namespace chaindeck {

RecoveryQueue::RecoveryQueue(const SignatureLibrary& library, const Sha256Engine& engine,
                             std::function<void()> wake)
    : library_(library), engine_(engine), wake_(std::move(wake)), thread_([this] { work(); }) {}

RecoveryQueue::~RecoveryQueue() {
    {
        const std::lock_guard<std::mutex> locked(mutex_);
        is_closing_ = true;
    }
    task_came_.notify_one();
    thread_.join();
}

void RecoveryQueue::submit(Task task) {
    {
        const std::lock_guard<std::mutex> locked(mutex_);
        tasks_.push_back(std::move(task));
    }
    task_came_.notify_one();
}

std::vector<RecoveryQueue::Answer> RecoveryQueue::take() {
    const std::lock_guard<std::mutex> locked(mutex_);
    return std::exchange(answers_, {});
}

void RecoveryQueue::work() {
    std::unique_lock<std::mutex> locked(mutex_);
    for (;;) {
        task_came_.wait(locked, [this] { return is_closing_ || !tasks_.empty(); });
        if (is_closing_) return;
        const Task task = std::move(tasks_.front());
        tasks_.pop_front();
        locked.unlock();
        Answer answer = recover(task);
        locked.lock();
        const bool is_first = answers_.empty();
        answers_.push_back(std::move(answer));
        if (is_first) wake_();
    }
}

RecoveryQueue::Answer RecoveryQueue::recover(const Task& task) const {
    const std::size_t count = task.digests.size() / 32;
    Answer answer{task.ticket, std::vector<KeyHash>(count), std::vector<Recovery>(count)};
    for (std::size_t i = 0; i < count; ++i)
        answer.statuses[i] =
            recover_key_hash(library_, engine_, &task.digests[32 * i],
                             &task.signatures[kSignatureSize * i], answer.key_hashes[i]);
    return answer;
}

}  // namespace chaindeck
