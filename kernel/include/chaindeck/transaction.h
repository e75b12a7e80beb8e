// The transaction encoding: one strict decoder for outside bytes, and readers for bytes that it
// has accepted. docs/protocol.md section 3 is the format.
#pragma once

#include "chaindeck/bytes.h"

namespace chaindeck {

constexpr std::size_t kMaxDataOutput = 256;
constexpr std::size_t kSignatureLength = 65;

// Numbers shared with MALFORMED_CODES in chaindeck/kernel/errors.py.
enum class Malformed : std::uint8_t {
    none = 0,
    truncated = 1,
    varint = 2,
    version = 3,
    output_kind = 4,
    data_length = 5,
    index_range = 6,
    signature_length = 7,
    count = 8,
    trailing = 9,
};

// What is wrong with outside bytes, and the offset of the field that shows it.
struct Failure {
    Malformed code = Malformed::none;
    std::size_t offset = 0;
    explicit operator bool() const { return code != Malformed::none; }
};

// Where the parts of an accepted transaction lie in the bytes it was decoded from.
struct TransactionLayout {
    std::size_t begin = 0;
    std::size_t inputs = 0;
    std::size_t input_count = 0;
    std::size_t outputs = 0;
    std::size_t output_count = 0;
    std::size_t body_end = 0;  // the transaction-level signature begins here
    std::size_t input_signatures = 0;
    std::size_t end = 0;
    std::size_t signature_count = 0;  // non-empty ones
};

// Decodes the transaction that starts at `offset`; `layout` is meaningful only on success.
Failure parse_transaction(Bytes data, std::size_t offset, TransactionLayout& layout);

struct Input {
    const std::uint8_t* txid;
    std::uint32_t output_index;
};

struct Output {
    bool is_payment;
    Bytes content;  // key hash, or data
    std::uint64_t amount;
};

// Each reads one element of an accepted transaction and moves `at` behind it.
Input read_input(const std::uint8_t*& at);
Output read_output(const std::uint8_t*& at);
Bytes read_signature(const std::uint8_t*& at);

inline std::uint64_t read_timestamp(const std::uint8_t* transaction) {
    return load_le(transaction + 1, 8);
}

}  // namespace chaindeck
