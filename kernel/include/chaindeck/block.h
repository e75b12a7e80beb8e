// The transactions of one block: where everything lies, who spends what, and whether all of it
// keeps the rules. The answer is only yes or "suspect at transaction i": the exact error is the
// business of the slow rules above.
//
// index_block needs nothing but the bytes; check_block is handed the coins that
// `outside_outpoints` asks for. Sorting stands where a hash table would be quicker, because a
// block's author chooses its keys and could fill one bucket.
#pragma once

#include <vector>

#include "chaindeck/signatures.h"
#include "chaindeck/transaction.h"

namespace chaindeck {

constexpr std::size_t kOutpointSize = 36;  // txid 32 | output index u32 big-endian
constexpr std::size_t kPackedCoinSize = 33;
constexpr std::size_t kNobody = SIZE_MAX;

using Outpoint = std::array<std::uint8_t, kOutpointSize>;
using PackedCoin = std::array<std::uint8_t, kPackedCoinSize>;

struct Coin {
    KeyHash owner{};
    std::uint64_t amount = 0;
    std::uint32_t height = 0;
    bool is_coinbase = false;
};

// owner 20 | amount u64 | height u32 | is_coinbase u8, little-endian
PackedCoin pack_coin(const Coin& coin);
Coin unpack_coin(const std::uint8_t* packed);

// What one input of a transaction other than the first spends.
struct Source {
    std::uint32_t number;  // of an output of this block, or of an outside outpoint
    bool is_inside;
};

// Borrows the bytes it was made from.
struct BlockIndex {
    Bytes data;
    std::vector<TransactionLayout> transactions;
    std::vector<Hash> txids;
    std::vector<Hash> full_ids;
    Hash merkle_root{};
    std::vector<std::uint32_t> outputs;        // the offset of every output, in order
    std::vector<std::size_t> first_output;     // per transaction, and the total
    std::vector<Source> sources;               // per input, the first transaction's left out
    std::vector<Outpoint> outside_outpoints;   // spent here, not created by an earlier transaction
    std::size_t signature_count = 0;
    // The first transaction that repeats an earlier one's txid or outside outpoint.
    std::size_t first_repeat = kNobody;
};

// Decodes exactly `count` transactions that must fill `data` from `offset` on. Requires
// data.size <= UINT32_MAX. `index` is meaningful only on success.
Failure index_block(const Sha256Engine& engine, Bytes data, std::size_t offset, std::size_t count,
                    BlockIndex& index);

struct OptionalCoin {
    Coin coin;
    bool exists = false;
};

struct BlockRules {
    Hash network_id{};
    std::uint32_t height = 0;
    std::uint64_t subsidy = 0;
    std::uint32_t maturity = 0;
    std::uint64_t max_amount = 0;  // requires max_amount < 2^63
    std::size_t max_transaction_size = 0;
};

struct BlockVerdict {
    std::size_t suspect = kNobody;
    std::uint64_t fees = 0;
    std::vector<std::uint8_t> is_spent;  // per output of the block
    std::size_t recovered = 0;
    bool is_valid() const { return suspect == kNobody; }
};

// Requires one coin per outside outpoint and, in `known`, one byte per transaction: 1 where its
// signatures have been verified before and are not recovered again.
BlockVerdict check_block(const Sha256Engine& engine, const SignatureLibrary& library,
                         const BlockIndex& index, const std::vector<OptionalCoin>& coins,
                         const std::uint8_t* known, const BlockRules& rules, unsigned threads);

struct CreatedCoin {
    Outpoint outpoint;
    PackedCoin coin;
};

// The coins that a valid block leaves behind, in the order of its outputs.
std::vector<CreatedCoin> created_coins(const BlockIndex& index, const BlockVerdict& verdict,
                                       std::uint32_t height);

}  // namespace chaindeck
