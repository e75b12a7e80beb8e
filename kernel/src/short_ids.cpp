#include "chaindeck/short_ids.h"

#include <algorithm>

namespace chaindeck {
namespace {

constexpr unsigned kShortIdBits = 8 * kShortIdSize;
constexpr std::uint64_t kShortIdMask = (std::uint64_t{1} << kShortIdBits) - 1;
constexpr unsigned kMaxPrefixBits = 20;
constexpr std::int64_t kAmbiguous = -2;

// J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", 2012, section 2.
class SipState {
public:
    explicit SipState(const SipKey& key) {
        const std::uint64_t low = load_le(key.data(), 8);
        const std::uint64_t high = load_le(key.data() + 8, 8);
        v0_ = low ^ 0x736f6d6570736575;
        v1_ = high ^ 0x646f72616e646f6d;
        v2_ = low ^ 0x6c7967656e657261;
        v3_ = high ^ 0x7465646279746573;
    }

    void compress(std::uint64_t word) {
        v3_ ^= word;
        round();
        round();
        v0_ ^= word;
    }

    std::uint64_t finish() {
        v2_ ^= 0xff;
        for (int i = 0; i < 4; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    static std::uint64_t rotate(std::uint64_t value, unsigned bits) {
        return (value << bits) | (value >> (64 - bits));
    }

    void round() {
        v0_ += v1_;
        v1_ = rotate(v1_, 13) ^ v0_;
        v0_ = rotate(v0_, 32);
        v2_ += v3_;
        v3_ = rotate(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = rotate(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = rotate(v1_, 17) ^ v2_;
        v2_ = rotate(v2_, 32);
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
};

std::uint64_t short_id(const SipKey& key, const std::uint8_t* id) {
    return siphash24(key, {id, std::tuple_size<Hash>::value}) & kShortIdMask;
}

struct Name {
    std::uint64_t value;
    std::size_t position;
};

// Names in order, with a table of where each prefix begins: a look-up reads one entry of it, and
// then halves a range that holds one or two names, or all of them if somebody wished it so.
class SortedNames {
public:
    SortedNames(const std::uint8_t* names, std::size_t count) : names_(count) {
        for (std::size_t i = 0; i < count; ++i)
            names_[i] = {load_le(names + kShortIdSize * i, kShortIdSize), i};
        std::sort(names_.begin(), names_.end(),
                  [](const Name& a, const Name& b) { return a.value < b.value; });
        unsigned bits = 1;
        while (bits < kMaxPrefixBits && (std::size_t{1} << bits) < 2 * count) ++bits;
        shift_ = kShortIdBits - bits;
        begins_.assign((std::size_t{1} << bits) + 1, 0);
        for (const Name& name : names_) ++begins_[prefix(name.value) + 1];
        for (std::size_t i = 1; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
    }

    const std::vector<Name>& all() const { return names_; }

    // Returns a name of this value, or nullptr.
    const Name* find(std::uint64_t value) const {
        const Name* const begin = names_.data() + begins_[prefix(value)];
        const Name* const end = names_.data() + begins_[prefix(value) + 1];
        const Name* const found = std::lower_bound(
            begin, end, value, [](const Name& name, std::uint64_t sought) {
                return name.value < sought;
            });
        return found != end && found->value == value ? found : nullptr;
    }

private:
    std::size_t prefix(std::uint64_t value) const {
        return static_cast<std::size_t>(value >> shift_);
    }

    std::vector<Name> names_;
    std::vector<std::size_t> begins_;
    unsigned shift_ = 0;
};

}  // namespace

std::uint64_t siphash24(const SipKey& key, Bytes data) {
    SipState state(key);
    const std::size_t tail = data.size % 8;
    for (std::size_t at = 0; at < data.size - tail; at += 8)
        state.compress(load_le(data.data + at, 8));
    state.compress((std::uint64_t{data.size} << 56) |
                   load_le(data.data + data.size - tail, tail));
    return state.finish();
}

void make_short_ids(const SipKey& key, const std::uint8_t* ids, std::size_t count,
                    std::uint8_t* names) {
    for (std::size_t i = 0; i < count; ++i)
        store_le(names + kShortIdSize * i, short_id(key, ids + sizeof(Hash) * i), kShortIdSize);
}

std::vector<std::int64_t> match_short_ids(const SipKey& key, const std::uint8_t* pool_ids,
                                          std::size_t pool_count, const std::uint8_t* names,
                                          std::size_t name_count) {
    std::vector<std::int64_t> matches(name_count, kUnmatched);
    if (name_count == 0) return matches;
    const SortedNames sorted(names, name_count);
    for (std::size_t i = 1; i < name_count; ++i) {
        const Name& earlier = sorted.all()[i - 1];
        const Name& later = sorted.all()[i];
        if (earlier.value != later.value) continue;
        matches[earlier.position] = kAmbiguous;
        matches[later.position] = kAmbiguous;
    }
    for (std::size_t i = 0; i < pool_count; ++i) {
        const Name* const name = sorted.find(short_id(key, pool_ids + sizeof(Hash) * i));
        if (name == nullptr) continue;
        std::int64_t& match = matches[name->position];
        match = match == kUnmatched ? static_cast<std::int64_t>(i) : kAmbiguous;
    }
    for (std::int64_t& match : matches)
        if (match == kAmbiguous) match = kUnmatched;
    return matches;
}

}  // namespace chaindeck
