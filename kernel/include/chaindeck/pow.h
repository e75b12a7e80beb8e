// Proof-of-work search: which nonce makes hash256 of a block header small enough.
#pragma once

#include <atomic>
#include <optional>

#include "chaindeck/sha256.h"

namespace chaindeck {

constexpr std::size_t kHeaderSize = 96;
using Header = std::array<std::uint8_t, kHeaderSize>;  // ends with the nonce, u64 little-endian

struct SearchResult {
    std::optional<std::uint64_t> nonce;
    std::uint64_t hashes = 0;
};

// Tries `count` nonces from `first` on, modulo 2^64, until hash256(header) <= target as a
// big-endian number. One thread finds the first such nonce, several find any. Returns early,
// without a nonce, within about 10 ms of `stop` becoming true.
SearchResult search_nonce(const Sha256Engine& engine, const Header& header, const Hash& target,
                          std::uint64_t first, std::uint64_t count, unsigned threads,
                          const std::atomic<bool>& stop);

}  // namespace chaindeck
