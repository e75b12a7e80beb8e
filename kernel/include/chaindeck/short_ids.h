// Six-byte names for the transactions of one block, and finding who they stand for in a pool.
//
// A name is the low 48 bits of SipHash-2-4 of an id, under a key that its block's sender chose:
// two ids that share a name under one key do not under another. The sender chooses the names too,
// so they are sorted and never hashed into buckets of a table that he could fill.
#pragma once

#include <vector>

#include "chaindeck/bytes.h"

namespace chaindeck {

constexpr std::size_t kSipKeySize = 16;
constexpr std::size_t kShortIdSize = 6;
constexpr std::int64_t kUnmatched = -1;

using SipKey = std::array<std::uint8_t, kSipKeySize>;

std::uint64_t siphash24(const SipKey& key, Bytes data);

// Writes kShortIdSize bytes for each of `count` ids of 32 bytes.
void make_short_ids(const SipKey& key, const std::uint8_t* ids, std::size_t count,
                    std::uint8_t* names);

// For each name the number of the only pooled id that bears it. kUnmatched where none does, where
// several do, and where the name itself stands there more than once.
std::vector<std::int64_t> match_short_ids(const SipKey& key, const std::uint8_t* pool_ids,
                                          std::size_t pool_count, const std::uint8_t* names,
                                          std::size_t name_count);

}  // namespace chaindeck
