// SHA-256 as FIPS 180-4 writes it: the implementation every machine can run, and the one the
// faster ones are tested against.
#include "sha256_engines.h"

namespace chaindeck {

const std::array<std::uint32_t, kRounds> kSha256Constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

const Sha256State kSha256Start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

namespace {

constexpr std::uint32_t rotate(std::uint32_t word, int by) {
    return (word >> by) | (word << (32 - by));
}

void run_rounds(Sha256State& state, const Sha256Schedule& schedule) {
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < kRounds; ++i) {
        const std::uint32_t big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        const std::uint32_t choose = (e & f) ^ (~e & g);
        const std::uint32_t t1 = h + big1 + choose + schedule[i];
        const std::uint32_t big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + big0 + majority;
    }
    const Sha256State after = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < after.size(); ++i) state[i] += after[i];
}

void compress(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
    Sha256Block block;
    for (; count > 0; --count, blocks += kBlockSize) {
        std::memcpy(block.data(), blocks, kBlockSize);
        run_rounds(state, expand_schedule(block));
    }
}

void compress_lanes(Sha256State* states, const Sha256Block* blocks) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        run_rounds(states[lane], expand_schedule(blocks[lane]));
}

void compress_scheduled(Sha256State* states, const Sha256Schedule* const* schedules) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) run_rounds(states[lane], *schedules[lane]);
}

}  // namespace

Sha256Schedule expand_schedule(const Sha256Block& block) {
    Sha256Schedule w;
    for (std::size_t i = 0; i < 16; ++i) w[i] = load_be32(block.data() + 4 * i);
    for (std::size_t i = 16; i < kRounds; ++i) {
        const std::uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
        const std::uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    for (std::size_t i = 0; i < kRounds; ++i) w[i] += kSha256Constants[i];
    return w;
}

const Sha256Engine* sha256_portable() {
    static const Sha256Engine engine = {"portable", compress, compress_lanes, compress_scheduled};
    return &engine;
}

}  // namespace chaindeck
