// Padding, incremental hashing and batches over whichever engine the caller chose.
#include "chaindeck/sha256.h"

#include <algorithm>

#include "sha256_engines.h"

namespace chaindeck {
namespace {

constexpr std::size_t kLengthAt = kBlockSize - 8;

std::size_t padded_blocks(std::size_t size) { return (size + 8) / kBlockSize + 1; }

// One message of a batch on its way through one lane.
struct LaneJob {
    Bytes message;
    std::size_t prefix_size = 0;
    std::size_t next_block = 0;
    std::size_t blocks = 0;
    Hash* digest = nullptr;
};

// Writes the job's next block: prefix, message, 0x80, zeros, bit length.
void fill_block(LaneJob& job, Sha256Block& block) {
    const std::size_t total = job.prefix_size + job.message.size;
    const std::size_t begin = job.next_block * kBlockSize;
    std::size_t at = 0;
    if (begin == 0 && job.prefix_size == 1) block[at++] = 0;
    if (begin + at < total) {
        const std::size_t length = std::min(kBlockSize - at, total - begin - at);
        std::memcpy(block.data() + at, job.message.data + (begin + at - job.prefix_size), length);
        at += length;
    }
    if (at < kBlockSize) {
        std::memset(block.data() + at, 0, kBlockSize - at);
        if (begin + at == total) block[at] = 0x80;
    }
    if (++job.next_block == job.blocks)
        store_be64(block.data() + kLengthAt, std::uint64_t{total} * 8);
}

// Gives each lane the next message as soon as its last one is finished, so messages of unequal
// lengths keep all lanes busy.
class Batch {
public:
    Batch(const Sha256Engine& engine, Prefix prefix, const Bytes* messages, std::size_t count,
          Hash* digests)
        : engine_(engine), prefix_size_(prefix == Prefix::leaf ? 1 : 0), messages_(messages),
          count_(count), digests_(digests) {}

    void run() {
        std::size_t busy = 0;
        while (busy < kLanes && start(busy)) ++busy;
        while (busy == kLanes) {
            for (std::size_t i = 0; i < kLanes; ++i) fill_block(jobs_[i], blocks_[i]);
            engine_.compress_lanes(states_.data(), blocks_.data());
            for (std::size_t i = 0; i < kLanes && busy == kLanes; ++i)
                if (is_finished(i) && !start(i)) busy = i;
        }
        for (std::size_t i = 0; i < kLanes; ++i) finish_alone(i);
    }

private:
    bool start(std::size_t lane) {
        if (next_ == count_) return false;
        const Bytes message = messages_[next_];
        jobs_[lane] = {message, prefix_size_, 0, padded_blocks(prefix_size_ + message.size),
                       digests_ + next_};
        states_[lane] = kSha256Start;
        ++next_;
        return true;
    }

    // Also hands the digest out; an idle lane counts as not finished.
    bool is_finished(std::size_t lane) {
        LaneJob& job = jobs_[lane];
        if (job.digest == nullptr || job.next_block < job.blocks) return false;
        store_digest(states_[lane], job.digest->data());
        job.digest = nullptr;
        return true;
    }

    void finish_alone(std::size_t lane) {
        while (jobs_[lane].digest != nullptr && !is_finished(lane)) {
            fill_block(jobs_[lane], blocks_[lane]);
            engine_.compress(states_[lane], blocks_[lane].data(), 1);
        }
    }

    const Sha256Engine& engine_;
    std::size_t prefix_size_;
    const Bytes* messages_;
    std::size_t count_;
    Hash* digests_;
    std::size_t next_ = 0;
    std::array<LaneJob, kLanes> jobs_{};
    std::array<Sha256State, kLanes> states_{};
    std::array<Sha256Block, kLanes> blocks_{};
};

}  // namespace

const std::vector<const Sha256Engine*>& sha256_engines() {
    static const std::vector<const Sha256Engine*> engines = [] {
        std::vector<const Sha256Engine*> found;
        for (const Sha256Engine* engine : {sha256_x86(), sha256_arm(), sha256_portable()})
            if (engine != nullptr) found.push_back(engine);
        return found;
    }();
    return engines;
}

void store_digest(const Sha256State& state, std::uint8_t* to) {
    for (std::size_t i = 0; i < state.size(); ++i) store_be32(to + 4 * i, state[i]);
}

Sha256& Sha256::add(Bytes data) {
    if (data.size == 0) return *this;
    const std::size_t held = size_ % kBlockSize;
    size_ += data.size;
    if (held > 0) {
        const std::size_t taken = std::min(kBlockSize - held, data.size);
        std::memcpy(pending_.data() + held, data.data, taken);
        data = {data.data + taken, data.size - taken};
        if (held + taken < kBlockSize) return *this;
        engine_->compress(state_, pending_.data(), 1);
    }
    const std::size_t whole = data.size / kBlockSize;
    engine_->compress(state_, data.data, whole);
    const std::size_t rest = data.size % kBlockSize;
    if (rest > 0) std::memcpy(pending_.data(), data.data + whole * kBlockSize, rest);
    return *this;
}

Hash Sha256::finish() {
    std::size_t held = size_ % kBlockSize;
    pending_[held++] = 0x80;
    if (held > kLengthAt) {
        std::memset(pending_.data() + held, 0, kBlockSize - held);
        engine_->compress(state_, pending_.data(), 1);
        held = 0;
    }
    std::memset(pending_.data() + held, 0, kLengthAt - held);
    store_be64(pending_.data() + kLengthAt, size_ * 8);
    engine_->compress(state_, pending_.data(), 1);
    Hash digest;
    store_digest(state_, digest.data());
    return digest;
}

Hash sha256(const Sha256Engine& engine, Bytes data) { return Sha256(engine).add(data).finish(); }

Hash hash256(const Sha256Engine& engine, Bytes data) {
    return sha256(engine, view(sha256(engine, data)));
}

void sha256_batch(const Sha256Engine& engine, Prefix prefix, const Bytes* messages,
                  std::size_t count, Hash* digests) {
    Batch(engine, prefix, messages, count, digests).run();
}

void hash256_batch(const Sha256Engine& engine, const Bytes* messages, std::size_t count,
                   Hash* digests) {
    sha256_batch(engine, Prefix::none, messages, count, digests);
    std::vector<Bytes> inner(count);
    for (std::size_t i = 0; i < count; ++i) inner[i] = view(digests[i]);
    sha256_batch(engine, Prefix::none, inner.data(), count, digests);
}

}  // namespace chaindeck
