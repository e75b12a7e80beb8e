// Merkle trees as RFC 9162 section 2.1 defines them: leaf sha256(0x00 + data), node
// sha256(0x01 + left + right), an odd node promoted and never duplicated.
#pragma once

#include <vector>

#include "chaindeck/sha256.h"

namespace chaindeck {

Hash merkle_root(const Sha256Engine& engine, const std::vector<Bytes>& leaves);

// The audit path from the leaf up to, and without, the root. Requires index < leaves.size().
std::vector<Hash> merkle_branch(const Sha256Engine& engine, const std::vector<Bytes>& leaves,
                                std::size_t index);

}  // namespace chaindeck
