// SHA-256 (FIPS 180-4), one message at a time or four interleaved.
//
// An engine is one implementation of the compression function; every other function in the
// kernel takes the engine as its first argument and behaves the same whichever it is given.
// Read on in sha256.cpp (padding, batches), then sha256_x86.cpp (where the time is won).
#pragma once

#include <vector>

#include "chaindeck/bytes.h"

namespace chaindeck {

// Messages hashed side by side: the SHA instructions have a latency of about four times their
// throughput, so one message alone leaves most of the unit idle.
constexpr std::size_t kLanes = 4;
constexpr std::size_t kBlockSize = 64;
constexpr std::size_t kRounds = 64;

using Sha256State = std::array<std::uint32_t, 8>;
using Sha256Block = std::array<std::uint8_t, kBlockSize>;
// The message schedule of one block with the round constants already added.
using Sha256Schedule = std::array<std::uint32_t, kRounds>;

extern const std::array<std::uint32_t, kRounds> kSha256Constants;
extern const Sha256State kSha256Start;

struct Sha256Engine {
    const char* name;
    // Absorbs `count` consecutive 64-byte blocks.
    void (*compress)(Sha256State& state, const std::uint8_t* blocks, std::size_t count);
    // Lane i absorbs blocks[i]. Both arrays hold kLanes elements.
    void (*compress_lanes)(Sha256State* states, const Sha256Block* blocks);
    // Lane i absorbs the block whose expanded schedule is *schedules[i].
    void (*compress_scheduled)(Sha256State* states, const Sha256Schedule* const* schedules);
};

// What this processor can run, fastest first. Never empty: "portable" is always last.
const std::vector<const Sha256Engine*>& sha256_engines();

Sha256Schedule expand_schedule(const Sha256Block& block);
void store_digest(const Sha256State& state, std::uint8_t* to);

// Incremental hashing. A copy continues from the same midstate.
class Sha256 {
public:
    explicit Sha256(const Sha256Engine& engine) : engine_(&engine), state_(kSha256Start) {}
    Sha256& add(Bytes data);
    Hash finish();

private:
    const Sha256Engine* engine_;
    Sha256State state_;
    Sha256Block pending_{};
    std::uint64_t size_ = 0;
};

Hash sha256(const Sha256Engine& engine, Bytes data);
// sha256(sha256(data))
Hash hash256(const Sha256Engine& engine, Bytes data);

enum class Prefix : std::uint8_t { none, leaf };

// Hashes `count` messages of any lengths, four at a time. With Prefix::leaf each message is
// preceded by the byte 0x00.
void sha256_batch(const Sha256Engine& engine, Prefix prefix, const Bytes* messages,
                  std::size_t count, Hash* digests);
void hash256_batch(const Sha256Engine& engine, const Bytes* messages, std::size_t count,
                   Hash* digests);

}  // namespace chaindeck
