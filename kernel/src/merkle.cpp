// The tree is folded level by level in place: pairing neighbours and promoting the odd one gives
// the same tree as RFC 9162's split at the largest power of two.
#include "chaindeck/merkle.h"

#include <algorithm>

namespace chaindeck {
namespace {

// A node is 65 bytes, so its second block holds one byte that varies: all 256 schedules of that
// block are expanded once, which saves a quarter of the work of every node.
using TailSchedules = std::array<Sha256Schedule, 256>;

TailSchedules expand_tails() {
    TailSchedules schedules;
    for (std::size_t last = 0; last < schedules.size(); ++last) {
        Sha256Block block{};
        block[0] = static_cast<std::uint8_t>(last);
        block[1] = 0x80;
        store_be64(block.data() + kBlockSize - 8, 65 * 8);
        schedules[last] = expand_schedule(block);
    }
    return schedules;
}

const TailSchedules& tail_schedules() {
    static const TailSchedules schedules = expand_tails();
    return schedules;
}

// Hashes up to kLanes neighbouring pairs; idle lanes repeat the first pair.
void fold_pairs(const Sha256Engine& engine, const Hash* nodes, std::size_t pairs, Hash* parents) {
    std::array<Sha256State, kLanes> states;
    std::array<Sha256Block, kLanes> blocks;
    std::array<const Sha256Schedule*, kLanes> tails;
    states.fill(kSha256Start);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const Hash* pair = nodes + (lane < pairs ? 2 * lane : 0);
        blocks[lane][0] = 0x01;
        std::memcpy(blocks[lane].data() + 1, pair[0].data(), 32);
        std::memcpy(blocks[lane].data() + 33, pair[1].data(), 31);
        tails[lane] = &tail_schedules()[pair[1][31]];
    }
    engine.compress_lanes(states.data(), blocks.data());
    engine.compress_scheduled(states.data(), tails.data());
    for (std::size_t lane = 0; lane < pairs; ++lane)
        store_digest(states[lane], parents[lane].data());
}

// Replaces a level by the one above it. Parents overwrite only nodes already read.
void fold_level(const Sha256Engine& engine, std::vector<Hash>& level) {
    const std::size_t pairs = level.size() / 2;
    for (std::size_t done = 0; done < pairs; done += kLanes)
        fold_pairs(engine, &level[2 * done], std::min(kLanes, pairs - done), &level[done]);
    if (level.size() % 2 == 1) level[pairs] = level.back();
    level.resize((level.size() + 1) / 2);
}

std::vector<Hash> hash_leaves(const Sha256Engine& engine, const std::vector<Bytes>& leaves) {
    std::vector<Hash> level(leaves.size());
    sha256_batch(engine, Prefix::leaf, leaves.data(), leaves.size(), level.data());
    return level;
}

}  // namespace

Hash merkle_root(const Sha256Engine& engine, const std::vector<Bytes>& leaves) {
    if (leaves.empty()) return sha256(engine, {});
    std::vector<Hash> level = hash_leaves(engine, leaves);
    while (level.size() > 1) fold_level(engine, level);
    return level.front();
}

std::vector<Hash> merkle_branch(const Sha256Engine& engine, const std::vector<Bytes>& leaves,
                                std::size_t index) {
    std::vector<Hash> path;
    std::vector<Hash> level = hash_leaves(engine, leaves);
    for (; level.size() > 1; index /= 2) {
        const std::size_t sibling = index ^ 1;
        if (sibling < level.size()) path.push_back(level[sibling]);
        fold_level(engine, level);
    }
    return path;
}

}  // namespace chaindeck
