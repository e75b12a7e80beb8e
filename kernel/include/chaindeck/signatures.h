// Recovering signers in batches through a libsecp256k1 that somebody else has loaded.
//
// The kernel links no cryptography of its own: the caller hands in the four entry points.
#pragma once

#include "chaindeck/sha256.h"

namespace chaindeck {

constexpr std::size_t kSignatureSize = 65;  // r 32 | s 32 | recovery id 1

// libsecp256k1's own signatures, with its opaque structures as bytes.
struct SignatureLibrary {
    using ParseCompact = int (*)(const void* context, unsigned char* signature,
                                 const unsigned char* compact, int recovery_id);
    using Recover = int (*)(const void* context, unsigned char* public_key,
                            const unsigned char* signature, const unsigned char* digest);
    using Serialize = int (*)(const void* context, unsigned char* output, std::size_t* size,
                              const unsigned char* public_key, unsigned int flags);
    const void* context = nullptr;
    ParseCompact parse_compact = nullptr;
    Recover recover = nullptr;
    Serialize serialize = nullptr;
};

// The numbers are the status bytes of the Python interface.
enum class Recovery : std::uint8_t { ok = 0, failed = 1, high_s = 2 };

// On success writes hash256(compressed public key)[:20]; otherwise twenty zero bytes. A malformed
// signature is `failed` even where its s is high as well; high s is refused before recovering.
Recovery recover_key_hash(const SignatureLibrary& library, const Sha256Engine& engine,
                          const std::uint8_t* digest, const std::uint8_t* signature,
                          KeyHash& key_hash);

// The same for `count` digests and signatures laid end to end, on `threads` threads.
void recover_many(const SignatureLibrary& library, const Sha256Engine& engine,
                  const std::uint8_t* digests, const std::uint8_t* signatures, std::size_t count,
                  unsigned threads, KeyHash* key_hashes, Recovery* statuses);

}  // namespace chaindeck
