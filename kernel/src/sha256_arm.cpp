// SHA-256 with the ARMv8 cryptography extension, one block or four interleaved.
//
// The instructions keep the eight state words as ABCD and EFGH. This file alone is compiled with
// the extension enabled, so nothing in it may run before `sha256_arm` has asked the system.
#include "sha256_engines.h"

#if defined(__aarch64__) && (defined(__ARM_FEATURE_CRYPTO) || defined(__ARM_FEATURE_SHA2))

#include <arm_neon.h>

#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace chaindeck {
namespace {

struct Lane {
    uint32x4_t abcd;
    uint32x4_t efgh;
    uint32x4_t words[4];
};

inline void load_state(Lane& lane, const Sha256State& state) {
    lane.abcd = vld1q_u32(state.data());
    lane.efgh = vld1q_u32(state.data() + 4);
}

inline void add_to_state(const Lane& lane, Sha256State& state) {
    vst1q_u32(state.data(), vaddq_u32(lane.abcd, vld1q_u32(state.data())));
    vst1q_u32(state.data() + 4, vaddq_u32(lane.efgh, vld1q_u32(state.data() + 4)));
}

inline void load_words(Lane& lane, const std::uint8_t* block) {
    for (int i = 0; i < 4; ++i)
        lane.words[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block + 16 * i)));
}

inline void four_rounds(Lane& lane, uint32x4_t scheduled) {
    const uint32x4_t before = lane.abcd;
    lane.abcd = vsha256hq_u32(lane.abcd, lane.efgh, scheduled);
    lane.efgh = vsha256h2q_u32(lane.efgh, before, scheduled);
}

inline void extend_schedule(Lane& lane, std::size_t group) {
    uint32x4_t& oldest = lane.words[group % 4];
    oldest = vsha256su1q_u32(vsha256su0q_u32(oldest, lane.words[(group + 1) % 4]),
                             lane.words[(group + 2) % 4], lane.words[(group + 3) % 4]);
}

template <std::size_t Lanes>
inline void compress_side_by_side(Sha256State* states, const std::uint8_t* blocks) {
    Lane lanes[Lanes];
    for (std::size_t i = 0; i < Lanes; ++i) {
        load_state(lanes[i], states[i]);
        load_words(lanes[i], blocks + i * kBlockSize);
    }
    for (std::size_t group = 0; group < kRounds / 4; ++group) {
        const uint32x4_t constants = vld1q_u32(kSha256Constants.data() + 4 * group);
        for (Lane& lane : lanes) {
            if (group >= 4) extend_schedule(lane, group);
            four_rounds(lane, vaddq_u32(lane.words[group % 4], constants));
        }
    }
    for (std::size_t i = 0; i < Lanes; ++i) add_to_state(lanes[i], states[i]);
}

void compress(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
    for (; count > 0; --count, blocks += kBlockSize) compress_side_by_side<1>(&state, blocks);
}

void compress_lanes(Sha256State* states, const Sha256Block* blocks) {
    compress_side_by_side<kLanes>(states, blocks[0].data());
}

void compress_scheduled(Sha256State* states, const Sha256Schedule* const* schedules) {
    Lane lanes[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) load_state(lanes[i], states[i]);
    for (std::size_t group = 0; group < kRounds / 4; ++group)
        for (std::size_t i = 0; i < kLanes; ++i)
            four_rounds(lanes[i], vld1q_u32(schedules[i]->data() + 4 * group));
    for (std::size_t i = 0; i < kLanes; ++i) add_to_state(lanes[i], states[i]);
}

bool has_sha_extension() {
#if defined(__APPLE__)
    return true;  // every 64-bit Apple processor has it
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
#else
    return false;
#endif
}

}  // namespace

const Sha256Engine* sha256_arm() {
    static const Sha256Engine engine = {"arm-sha", compress, compress_lanes, compress_scheduled};
    static const bool is_available = has_sha_extension();
    return is_available ? &engine : nullptr;
}

}  // namespace chaindeck

#else

namespace chaindeck {
const Sha256Engine* sha256_arm() { return nullptr; }
}  // namespace chaindeck

#endif
