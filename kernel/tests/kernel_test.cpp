// Drives the library with ordinary and with random inputs, to be run under the address and
// undefined-behaviour sanitizers. What the answers must be is tested from Python; this program
// looks for reads out of bounds, overflows and disagreement between implementations.
#include <atomic>
#include <random>

#include "chaindeck/block.h"
#include "chaindeck/merkle.h"
#include "chaindeck/pow.h"
#include "chaindeck/recovery_queue.h"
#include "chaindeck/short_ids.h"
#include "support.h"

namespace chaindeck::testing {
namespace {

constexpr std::uint64_t kMaxAmount = 9'000'000'000'000'000;

class Random {
public:
    explicit Random(std::uint64_t seed) : source_(seed) {}
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(source_() % limit); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(source_()); }
    Buffer bytes(std::size_t size) {
        Buffer buffer(size);
        for (std::uint8_t& each : buffer) each = byte();
        return buffer;
    }

private:
    std::mt19937_64 source_;
};

struct Payment {
    Hash txid{};
    std::uint32_t output_index = 0;
    std::uint64_t amount = 0;
};

void append_output(Buffer& to, const KeyHash& owner, std::uint64_t amount) {
    to.push_back(0);
    append(to, owner.data(), owner.size());
    append_varint(to, amount);
}

// One owner's transaction: all inputs under one signature, one payment and one data output.
Buffer encode_payment(const KeyHash& owner, const std::vector<Payment>& spent,
                      std::uint64_t amount, const Buffer& signature) {
    Buffer full = {1, 0, 0, 0, 0, 0, 0, 0, 0};
    append_varint(full, spent.size());
    for (const Payment& payment : spent) {
        append(full, payment.txid.data(), 32);
        append_varint(full, payment.output_index);
    }
    full.push_back(2);
    append_output(full, owner, amount);
    full.push_back(1);
    append_varint(full, 3);
    append(full, owner.data(), 3);
    append_signature(full, view(signature));
    full.insert(full.end(), spent.size(), 0);
    return full;
}

struct Block {
    Buffer data;
    std::size_t count = 0;
};

// A coinbase at height 7 and a chain of payments, each spending the one before and an outside coin.
Block make_block(const Sha256Engine& engine, std::size_t payments) {
    const KeyHash owner = owner_of(engine, 5);
    Block block{encode_payment(owner, {{Hash{}, 7, 0}}, 50, {}), payments + 1};
    Payment last;
    last.txid.fill(0xab);
    for (std::size_t i = 0; i < payments; ++i) {
        Payment outside{Hash{}, static_cast<std::uint32_t>(i), 0};
        outside.txid.fill(0xcd);
        const Buffer full = encode_payment(owner, {last, outside}, 10 + i, sign_as(5));
        TransactionLayout layout;
        CHECK(!parse_transaction(view(full), 0, layout));
        last = {hash256(engine, {full.data(), layout.body_end}), 0, 0};
        append(block.data, full.data(), full.size());
    }
    return block;
}

BlockVerdict check(const Sha256Engine& engine, const BlockIndex& index, bool is_known,
                   std::uint64_t amount) {
    OptionalCoin coin;
    coin.exists = true;
    coin.coin = {owner_of(engine, 5), amount, 1, false};
    const std::vector<OptionalCoin> coins(index.outside_outpoints.size(), coin);
    const Buffer known(index.transactions.size(), is_known ? 1 : 0);
    const BlockRules rules{{}, 7, 50, 1, kMaxAmount, 100'000};
    return check_block(engine, fake_library(), index, coins, known.data(), rules, 2);
}

void test_hashing_agrees_between_engines(Random& random) {
    for (std::size_t round = 0; round < 50; ++round) {
        std::vector<Buffer> messages(random.below(12));
        std::vector<Bytes> views;
        for (Buffer& message : messages) {
            message = random.bytes(random.below(300));
            views.push_back(view(message));
        }
        const Sha256Engine& slow = *sha256_engines().back();
        for (const Sha256Engine* engine : sha256_engines()) {
            std::vector<Hash> digests(views.size());
            hash256_batch(*engine, views.data(), views.size(), digests.data());
            for (std::size_t i = 0; i < views.size(); ++i)
                CHECK(digests[i] == hash256(slow, views[i]));
            CHECK(merkle_root(*engine, views) == merkle_root(slow, views));
            for (std::size_t i = 0; i < views.size(); ++i)
                CHECK(merkle_branch(*engine, views, i) == merkle_branch(slow, views, i));
        }
    }
}

void test_search_finds_what_it_counts(const Sha256Engine& engine) {
    const std::atomic<bool> running{false};
    const std::atomic<bool> stopped{true};
    const Header header{};
    Hash easy;
    easy.fill(0xff);
    easy[0] = 3;
    for (unsigned threads = 1; threads <= 3; ++threads) {
        CHECK(search_nonce(engine, header, easy, UINT64_MAX - 5, 5000, threads, running).nonce);
        CHECK(search_nonce(engine, header, Hash{}, UINT64_MAX - 5, 4999, threads, running)
                  .hashes == 4999);
        CHECK(search_nonce(engine, header, Hash{}, 0, 1u << 30, threads, stopped).hashes == 0);
    }
}

void test_broken_transactions_are_refused_or_encode_again(Random& random,
                                                          const Sha256Engine& engine) {
    const Block block = make_block(engine, 1);
    for (std::size_t round = 0; round < 20'000; ++round) {
        Buffer data = block.data;
        for (std::size_t i = random.below(4); i > 0; --i)
            data[random.below(data.size())] = random.byte();
        data.resize(random.below(data.size() + 1));
        data.shrink_to_fit();
        TransactionLayout layout;
        if (parse_transaction(view(data), 0, layout)) continue;
        const Buffer again = encode_again(view(data), layout);
        CHECK(again.size() == layout.end);
        CHECK(std::equal(again.begin(), again.end(), data.begin()));
    }
}

void test_blocks_are_judged(const Sha256Engine& engine) {
    for (const std::size_t payments : std::vector<std::size_t>{0, 1, 5, 100}) {
        const Block block = make_block(engine, payments);
        BlockIndex index;
        CHECK(!index_block(engine, view(block.data), 0, block.count, index));
        CHECK(index.outside_outpoints.size() == payments + (payments > 0 ? 1 : 0));
        const BlockVerdict verdict = check(engine, index, false, 1000);
        CHECK(verdict.is_valid());
        CHECK(verdict.recovered == payments);
        CHECK(check(engine, index, true, 1000).recovered == 0);
        CHECK(created_coins(index, verdict, 7).size() == (payments > 0 ? 2 : 1));
        CHECK(check(engine, index, false, 0).suspect == (payments > 0 ? 1 : kNobody));
        CHECK(check(engine, index, false, kMaxAmount + 1).is_valid() == (payments == 0));
    }
}

void test_broken_blocks_are_refused_or_judged(Random& random, const Sha256Engine& engine) {
    const Block block = make_block(engine, 6);
    for (std::size_t round = 0; round < 5'000; ++round) {
        Buffer data = block.data;
        for (std::size_t i = 1 + random.below(3); i > 0; --i)
            data[random.below(data.size())] = random.byte();
        BlockIndex index;
        if (index_block(engine, view(data), 0, block.count - random.below(2), index)) continue;
        const BlockVerdict verdict = check(engine, index, random.below(2) == 0, 1000);
        CHECK(verdict.is_valid() || verdict.suspect < index.transactions.size());
        created_coins(index, verdict, 7);
    }
}

void test_batches_of_signatures_match_single_ones(Random& random, const Sha256Engine& engine) {
    const std::size_t count = 100;
    const Buffer digests = random.bytes(32 * count);
    Buffer signatures = random.bytes(kSignatureSize * count);
    for (std::size_t i = 0; i < count; ++i)
        signatures[kSignatureSize * i + 64] = static_cast<std::uint8_t>(random.below(5));
    std::vector<KeyHash> key_hashes(count);
    std::vector<Recovery> statuses(count);
    recover_many(fake_library(), engine, digests.data(), signatures.data(), count, 3,
                 key_hashes.data(), statuses.data());
    for (std::size_t i = 0; i < count; ++i) {
        KeyHash key_hash;
        CHECK(statuses[i] == recover_key_hash(fake_library(), engine, &digests[32 * i],
                                              &signatures[kSignatureSize * i], key_hash));
        CHECK(key_hashes[i] == key_hash);
    }
}

// Under the thread sanitizer as well; the fake library answers at once.
void test_queue_answers_in_order_and_may_close_at_any_time(const Sha256Engine& engine) {
    for (std::size_t tasks : std::vector<std::size_t>{0, 1, 100}) {
        std::atomic<int> wakes{0};
        std::vector<RecoveryQueue::Answer> answers;
        {
            RecoveryQueue queue(fake_library(), engine, [&] { ++wakes; });
            for (std::uint64_t ticket = 0; ticket < tasks; ++ticket)
                queue.submit({ticket, Buffer(64, 1), Buffer(2 * kSignatureSize, 1)});
            while (answers.size() < tasks)
                for (RecoveryQueue::Answer& answer : queue.take()) answers.push_back(answer);
        }
        CHECK((wakes > 0) == (tasks > 0));
        for (std::size_t i = 0; i < answers.size(); ++i) {
            CHECK(answers[i].ticket == i);
            CHECK(answers[i].key_hashes.size() == 2 && answers[i].statuses.size() == 2);
        }
        RecoveryQueue closing(fake_library(), engine, [] {});
        for (std::uint64_t ticket = 0; ticket < tasks; ++ticket)
            closing.submit({ticket, Buffer(32, 1), Buffer(kSignatureSize, 1)});
    }
}

SipKey counting_key() {
    SipKey key;
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
    return key;
}

// The first and the last vectors of the authors' own test program, and the paper's example.
void test_siphash_gives_the_published_values() {
    Buffer message;
    for (std::uint8_t i = 0; i < 63; ++i) message.push_back(i);
    const auto of_length = [&](std::size_t size) {
        return siphash24(counting_key(), {message.data(), size});
    };
    CHECK(of_length(0) == 0x726fdb47dd0e0e31);
    CHECK(of_length(1) == 0x74f839c593dc67fd);
    CHECK(of_length(7) == 0xab0200f58b01d137);
    CHECK(of_length(8) == 0x93f5f5799a932462);
    CHECK(of_length(15) == 0xa129ca6149be45e5);
    CHECK(of_length(63) == 0x958a324ceb064572);
}

void test_short_ids_find_their_ids(Random& random) {
    for (std::size_t round = 0; round < 300; ++round) {
        const std::size_t pooled = random.below(200);
        const std::size_t wanted = random.below(pooled + 1);
        const Buffer ids = random.bytes(sizeof(Hash) * pooled);
        Buffer names(kShortIdSize * wanted);
        make_short_ids(counting_key(), ids.data(), wanted, names.data());
        const Buffer strangers = random.bytes(kShortIdSize * random.below(20));
        names.insert(names.end(), strangers.begin(), strangers.end());
        const std::size_t count = names.size() / kShortIdSize;
        const auto matches =
            match_short_ids(counting_key(), ids.data(), pooled, names.data(), count);
        CHECK(matches.size() == count);
        for (std::size_t i = 0; i < count; ++i)
            CHECK(matches[i] == (i < wanted ? static_cast<std::int64_t>(i) : kUnmatched));
    }
}

void test_names_that_share_a_prefix_or_repeat_do_no_harm() {
    const std::size_t count = 150'000;
    Buffer names(kShortIdSize * count, 0);
    for (std::size_t i = 0; i < count; ++i) store_le(&names[kShortIdSize * i], i / 2, 4);
    const Buffer ids(sizeof(Hash) * 1'000, 7);
    for (const std::int64_t match :
         match_short_ids(counting_key(), ids.data(), 1'000, names.data(), count))
        CHECK(match == kUnmatched);
}

}  // namespace
}  // namespace chaindeck::testing

int main(int argc, char** argv) {
    using namespace chaindeck::testing;
    const std::uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    Random random(seed);
    test_hashing_agrees_between_engines(random);
    test_siphash_gives_the_published_values();
    test_short_ids_find_their_ids(random);
    test_names_that_share_a_prefix_or_repeat_do_no_harm();
    for (const chaindeck::Sha256Engine* engine : chaindeck::sha256_engines()) {
        std::printf("%s\n", engine->name);
        test_search_finds_what_it_counts(*engine);
        test_broken_transactions_are_refused_or_encode_again(random, *engine);
        test_blocks_are_judged(*engine);
        test_broken_blocks_are_refused_or_judged(random, *engine);
        test_batches_of_signatures_match_single_ones(random, *engine);
        test_queue_answers_in_order_and_may_close_at_any_time(*engine);
    }
    std::printf("ok\n");
    return 0;
}
