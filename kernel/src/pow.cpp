// The first 64 bytes of the header are hashed once; each try costs two compressions, four tries
// side by side. Threads take chunks from one counter, so a slow core never holds the others up.
#include "chaindeck/pow.h"

#include <algorithm>

#include "chaindeck/parallel.h"

namespace chaindeck {
namespace {

// Small enough that the portable engine looks at the stop flag every few milliseconds.
constexpr std::uint64_t kChunk = 4096;
constexpr std::size_t kNonceAt = kHeaderSize - 8 - kBlockSize;  // within the second block

struct Chunk {
    std::uint64_t first;
    std::uint64_t count;
};

class Search {
public:
    Search(const Sha256Engine& engine, const Header& header, const Hash& target,
           std::uint64_t first, std::uint64_t count, const std::atomic<bool>& stop)
        : engine_(engine), target_(target), target_top_(load_be32(target.data())), first_(first),
          left_(count), count_(count), stop_(stop) {
        engine.compress(midstate_, header.data(), 1);
        std::memcpy(tail_.data(), header.data() + kBlockSize, kHeaderSize - kBlockSize);
        tail_[kHeaderSize - kBlockSize] = 0x80;
        store_be64(tail_.data() + kBlockSize - 8, kHeaderSize * 8);
    }

    void work() {
        Chunk chunk{};
        while (!is_over() && take(chunk)) search(chunk);
    }

    SearchResult result() const {
        SearchResult result;
        if (is_found_) result.nonce = nonce_;
        result.hashes = hashes_;
        return result;
    }

private:
    bool is_over() const { return is_found_ || stop_.load(std::memory_order_relaxed); }

    bool take(Chunk& chunk) {
        std::uint64_t left = left_.load();
        do {
            if (left == 0) return false;
            chunk = {first_ + (count_ - left), std::min(left, kChunk)};
        } while (!left_.compare_exchange_weak(left, left - chunk.count));
        return true;
    }

    void search(const Chunk& chunk) {
        std::array<Sha256Block, kLanes> tails;
        tails.fill(tail_);
        std::array<Sha256Block, kLanes> digests{};
        for (Sha256Block& block : digests) {
            block[32] = 0x80;
            store_be64(block.data() + kBlockSize - 8, 32 * 8);
        }
        std::uint64_t tried = 0;
        for (bool found = false; tried < chunk.count && !found;) {
            found = try_lanes({chunk.first + tried, chunk.count - tried}, tails, digests);
            tried += std::min<std::uint64_t>(kLanes, chunk.count - tried);
        }
        hashes_ += tried;
    }

    // Tries the next kLanes nonces; those beyond the end of the range are computed and ignored.
    bool try_lanes(Chunk rest, std::array<Sha256Block, kLanes>& tails,
                   std::array<Sha256Block, kLanes>& digests) {
        std::array<Sha256State, kLanes> states;
        states.fill(midstate_);
        for (std::size_t i = 0; i < kLanes; ++i)
            store_le(tails[i].data() + kNonceAt, rest.first + i, 8);
        engine_.compress_lanes(states.data(), tails.data());
        for (std::size_t i = 0; i < kLanes; ++i) store_digest(states[i], digests[i].data());
        states.fill(kSha256Start);
        engine_.compress_lanes(states.data(), digests.data());
        const std::size_t valid =
            static_cast<std::size_t>(std::min<std::uint64_t>(kLanes, rest.count));
        for (std::size_t i = 0; i < valid; ++i)
            if (states[i][0] <= target_top_ && meets_target(states[i]))
                return report(rest.first + i);
        return false;
    }

    bool meets_target(const Sha256State& state) const {
        Hash digest;
        store_digest(state, digest.data());
        return digest <= target_;
    }

    bool report(std::uint64_t nonce) {
        bool expected = false;
        if (is_claimed_.compare_exchange_strong(expected, true)) {
            nonce_ = nonce;
            is_found_ = true;
        }
        return true;
    }

    const Sha256Engine& engine_;
    const Hash target_;
    const std::uint32_t target_top_;
    const std::uint64_t first_;
    std::atomic<std::uint64_t> left_;
    const std::uint64_t count_;
    const std::atomic<bool>& stop_;
    Sha256State midstate_ = kSha256Start;
    Sha256Block tail_{};
    std::atomic<std::uint64_t> hashes_{0};
    std::atomic<bool> is_claimed_{false};
    std::atomic<bool> is_found_{false};
    std::uint64_t nonce_ = 0;
};

}  // namespace

SearchResult search_nonce(const Sha256Engine& engine, const Header& header, const Hash& target,
                          std::uint64_t first, std::uint64_t count, unsigned threads,
                          const std::atomic<bool>& stop) {
    Search search(engine, header, target, first, count, stop);
    run_parallel(threads, [&search] { search.work(); });
    return search.result();
}

}  // namespace chaindeck
