// SHA-256 with the x86 SHA extensions, one block or four interleaved.
//
// The instructions keep the eight state words as two vectors, ABEF and CDGH; `Lane` holds them
// in that order between rounds. This file alone is compiled with the instruction set enabled,
// so nothing in it may run before `sha256_x86` has asked the processor.
#include "sha256_engines.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include <utility>

#if defined(_MSC_VER)
#include <intrin.h>
#define CHAINDECK_INLINE __forceinline
#else
#include <cpuid.h>
#define CHAINDECK_INLINE inline __attribute__((always_inline))
#endif

namespace chaindeck {
namespace {

struct Lane {
    __m128i abef;
    __m128i cdgh;
    __m128i words[4];
};

CHAINDECK_INLINE __m128i load(const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

CHAINDECK_INLINE void store(void* to, __m128i value) {
    _mm_storeu_si128(static_cast<__m128i*>(to), value);
}

CHAINDECK_INLINE void load_state(Lane& lane, const Sha256State& state) {
    const __m128i cdab = _mm_shuffle_epi32(load(state.data()), 0xB1);
    const __m128i efgh = _mm_shuffle_epi32(load(state.data() + 4), 0x1B);
    lane.abef = _mm_alignr_epi8(cdab, efgh, 8);
    lane.cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
}

CHAINDECK_INLINE void add_to_state(const Lane& lane, Sha256State& state) {
    const __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(lane.cdgh, 0xB1);
    const __m128i abcd = _mm_blend_epi16(feba, dchg, 0xF0);
    const __m128i efgh = _mm_alignr_epi8(dchg, feba, 8);
    store(state.data(), _mm_add_epi32(abcd, load(state.data())));
    store(state.data() + 4, _mm_add_epi32(efgh, load(state.data() + 4)));
}

CHAINDECK_INLINE void load_words(Lane& lane, const std::uint8_t* block) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    for (int i = 0; i < 4; ++i)
        lane.words[i] = _mm_shuffle_epi8(load(block + 16 * i), big_endian);
}

CHAINDECK_INLINE void four_rounds(Lane& lane, __m128i scheduled) {
    lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, scheduled);
    lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(scheduled, 0x0E));
}

// Replaces the oldest four schedule words by words 4 * Group .. 4 * Group + 3.
template <std::size_t Group>
CHAINDECK_INLINE void extend_schedule(Lane& lane) {
    __m128i& oldest = lane.words[Group % 4];
    const __m128i third = lane.words[(Group + 2) % 4];
    const __m128i newest = lane.words[(Group + 3) % 4];
    const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(oldest, lane.words[(Group + 1) % 4]),
                                          _mm_alignr_epi8(newest, third, 4));
    oldest = _mm_sha256msg2_epu32(partial, newest);
}

template <std::size_t Group, std::size_t Lanes>
CHAINDECK_INLINE void run_group(Lane (&lanes)[Lanes]) {
    const __m128i constants = load(kSha256Constants.data() + 4 * Group);
    for (Lane& lane : lanes) {
        if constexpr (Group >= 4) extend_schedule<Group>(lane);
        four_rounds(lane, _mm_add_epi32(lane.words[Group % 4], constants));
    }
}

template <std::size_t Lanes, std::size_t... Groups>
CHAINDECK_INLINE void run_groups(Lane (&lanes)[Lanes], std::index_sequence<Groups...>) {
    (run_group<Groups>(lanes), ...);
}

template <std::size_t Lanes>
CHAINDECK_INLINE void compress_side_by_side(Sha256State* states, const std::uint8_t* blocks) {
    Lane lanes[Lanes];
    for (std::size_t i = 0; i < Lanes; ++i) {
        load_state(lanes[i], states[i]);
        load_words(lanes[i], blocks + i * kBlockSize);
    }
    run_groups(lanes, std::make_index_sequence<kRounds / 4>{});
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
            four_rounds(lanes[i], load(schedules[i]->data() + 4 * group));
    for (std::size_t i = 0; i < kLanes; ++i) add_to_state(lanes[i], states[i]);
}

struct Registers {
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
};

Registers ask_processor(std::uint32_t leaf) {
#if defined(_MSC_VER)
    int answer[4];
    __cpuid(answer, 0);
    if (static_cast<std::uint32_t>(answer[0]) < leaf) return {};
    __cpuidex(answer, static_cast<int>(leaf), 0);
    return {static_cast<std::uint32_t>(answer[1]), static_cast<std::uint32_t>(answer[2])};
#else
    unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx) == 0) return {};
    return {ebx, ecx};
#endif
}

bool has_sha_extensions() {
    constexpr std::uint32_t ssse3 = 1u << 9;
    constexpr std::uint32_t sse41 = 1u << 19;
    constexpr std::uint32_t sha = 1u << 29;
    const std::uint32_t vectors = ask_processor(1).ecx;
    return (vectors & ssse3) != 0 && (vectors & sse41) != 0 && (ask_processor(7).ebx & sha) != 0;
}

}  // namespace

const Sha256Engine* sha256_x86() {
    static const Sha256Engine engine = {"x86-sha", compress, compress_lanes, compress_scheduled};
    static const bool is_available = has_sha_extensions();
    return is_available ? &engine : nullptr;
}

}  // namespace chaindeck

#else

namespace chaindeck {
const Sha256Engine* sha256_x86() { return nullptr; }
}  // namespace chaindeck

#endif
