// What the C++ tests and the fuzzers share: a check that aborts, a writer of encoded
// transactions, and a stand-in for libsecp256k1 whose "public key" is the signature's r.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "chaindeck/signatures.h"
#include "chaindeck/transaction.h"

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
            std::abort();                                                              \
        }                                                                              \
    } while (false)

namespace chaindeck::testing {

using Buffer = std::vector<std::uint8_t>;

inline Bytes view(const Buffer& buffer) { return {buffer.data(), buffer.size()}; }

inline void append(Buffer& to, const std::uint8_t* data, std::size_t size) {
    to.insert(to.end(), data, data + size);
}

inline void append_varint(Buffer& to, std::uint64_t value) {
    for (; value > 0x7f; value >>= 7) to.push_back(static_cast<std::uint8_t>(value | 0x80));
    to.push_back(static_cast<std::uint8_t>(value));
}

inline void append_signature(Buffer& to, Bytes signature) {
    to.push_back(static_cast<std::uint8_t>(signature.size));
    if (signature.size > 0) append(to, signature.data, signature.size);
}

// Writes an accepted transaction anew from what the readers make of it.
inline Buffer encode_again(Bytes data, const TransactionLayout& layout) {
    Buffer again(data.data + layout.begin, data.data + layout.begin + 9);
    append_varint(again, layout.input_count);
    const std::uint8_t* at = data.data + layout.inputs;
    for (std::size_t i = 0; i < layout.input_count; ++i) {
        const Input input = read_input(at);
        append(again, input.txid, 32);
        append_varint(again, input.output_index);
    }
    append_varint(again, layout.output_count);
    at = data.data + layout.outputs;
    for (std::size_t i = 0; i < layout.output_count; ++i) {
        const Output output = read_output(at);
        again.push_back(output.is_payment ? 0 : 1);
        if (!output.is_payment) append_varint(again, output.content.size);
        append(again, output.content.data, output.content.size);
        if (output.is_payment) append_varint(again, output.amount);
    }
    at = data.data + layout.body_end;
    for (std::size_t i = 0; i < layout.input_count + 1; ++i)
        append_signature(again, read_signature(at));
    return again;
}

inline int fake_parse(const void*, unsigned char* signature, const unsigned char* compact,
                      int recovery_id) {
    std::copy_n(compact, 64, signature);
    signature[64] = static_cast<unsigned char>(recovery_id);
    return 1;
}

inline int fake_recover(const void*, unsigned char* key, const unsigned char* signature,
                        const unsigned char*) {
    std::copy_n(signature, 64, key);
    return 1;
}

inline int fake_serialize(const void*, unsigned char* output, std::size_t* size,
                          const unsigned char* key, unsigned int) {
    output[0] = 2;
    std::copy_n(key, 32, output + 1);
    *size = 33;
    return 1;
}

inline SignatureLibrary fake_library() {
    return {nullptr, fake_parse, fake_recover, fake_serialize};
}

// A signature that the stand-in accepts for `owner_of(owner)`, whatever was signed.
inline Buffer sign_as(std::uint8_t owner) {
    Buffer signature(kSignatureSize, 0);
    signature[31] = owner;
    signature[63] = 1;
    return signature;
}

inline KeyHash owner_of(const Sha256Engine& engine, std::uint8_t owner) {
    KeyHash key_hash;
    const Hash any_digest{};
    const Buffer signature = sign_as(owner);
    CHECK(recover_key_hash(fake_library(), engine, any_digest.data(), signature.data(),
                           key_hash) == Recovery::ok);
    return key_hash;
}

}  // namespace chaindeck::testing
