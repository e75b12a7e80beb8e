// Everything libsecp256k1 would treat as misuse (a recovery id over 3 aborts the process) is
// refused here first.
#include "chaindeck/signatures.h"

#include <algorithm>
#include <atomic>

#include "chaindeck/parallel.h"

namespace chaindeck {
namespace {

constexpr std::size_t kOpaqueSignatureSize = 65;
constexpr std::size_t kOpaqueKeySize = 64;
constexpr unsigned int kCompressed = 258;  // SECP256K1_EC_COMPRESSED
constexpr std::size_t kBatch = 8;          // signatures a thread takes at a time

// The order of the group and its half, rounded down (SEC 2, section 2.4.1).
constexpr Hash kOrder = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                         0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
                         0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
constexpr Hash kHalfOrder = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                             0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
                             0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

bool is_scalar(const std::uint8_t* number) {
    const bool is_zero = std::all_of(number, number + 32, [](std::uint8_t b) { return b == 0; });
    return !is_zero && std::memcmp(number, kOrder.data(), 32) < 0;
}

}  // namespace

Recovery recover_key_hash(const SignatureLibrary& library, const Sha256Engine& engine,
                          const std::uint8_t* digest, const std::uint8_t* signature,
                          KeyHash& key_hash) {
    key_hash.fill(0);
    const std::uint8_t recovery_id = signature[64];
    if (recovery_id > 3 || !is_scalar(signature) || !is_scalar(signature + 32))
        return Recovery::failed;
    if (std::memcmp(signature + 32, kHalfOrder.data(), 32) > 0) return Recovery::high_s;
    unsigned char parsed[kOpaqueSignatureSize];
    unsigned char key[kOpaqueKeySize];
    if (library.parse_compact(library.context, parsed, signature, recovery_id) != 1 ||
        library.recover(library.context, key, parsed, digest) != 1)
        return Recovery::failed;
    unsigned char compressed[33];
    std::size_t size = sizeof compressed;
    if (library.serialize(library.context, compressed, &size, key, kCompressed) != 1)
        return Recovery::failed;
    const Hash hash = hash256(engine, {compressed, size});
    std::copy_n(hash.begin(), key_hash.size(), key_hash.begin());
    return Recovery::ok;
}

void recover_many(const SignatureLibrary& library, const Sha256Engine& engine,
                  const std::uint8_t* digests, const std::uint8_t* signatures, std::size_t count,
                  unsigned threads, KeyHash* key_hashes, Recovery* statuses) {
    std::atomic<std::size_t> next{0};
    run_parallel(threads, [&] {
        for (std::size_t from = next.fetch_add(kBatch); from < count;
             from = next.fetch_add(kBatch)) {
            const std::size_t to = std::min(count, from + kBatch);
            for (std::size_t i = from; i < to; ++i)
                statuses[i] = recover_key_hash(library, engine, digests + 32 * i,
                                               signatures + kSignatureSize * i, key_hashes[i]);
        }
    });
}

}  // namespace chaindeck
