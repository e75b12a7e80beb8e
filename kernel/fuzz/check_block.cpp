// libFuzzer: whatever decodes as a block is judged without a fault, and a block called valid
// creates no more money than it may.
//
// The first byte says how many transactions to expect, the second which of them are known; coins
// are made up from the outpoints, so that the fuzzer can reach every rule.
#include "../tests/support.h"
#include "chaindeck/block.h"

namespace {

using namespace chaindeck;

constexpr std::uint64_t kMaxAmount = 9'000'000'000'000'000;
constexpr std::uint64_t kSubsidy = 1000;
constexpr std::uint32_t kHeight = 7;

const Sha256Engine& engine() { return *sha256_engines().front(); }

OptionalCoin make_coin(const Outpoint& outpoint) {
    static const KeyHash owner = testing::owner_of(engine(), 5);
    OptionalCoin made;
    made.exists = outpoint[0] < 0xf0;
    made.coin.owner = owner;
    made.coin.amount = outpoint[1] == 0xff ? kMaxAmount : load_le(outpoint.data() + 2, 3);
    made.coin.height = outpoint[8] % 10;
    made.coin.is_coinbase = outpoint[9] % 2 == 1;
    return made;
}

std::uint64_t total_created(const BlockIndex& index, const BlockVerdict& verdict) {
    std::uint64_t total = 0;
    for (const CreatedCoin& created : created_coins(index, verdict, kHeight))
        total += unpack_coin(created.coin.data()).amount;
    return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t count = data[0] % 16;
    BlockIndex index;
    const Failure failure = index_block(engine(), {data, size}, 2, count, index);
    if (failure) {
        CHECK(failure.offset <= size);
        return 0;
    }
    std::vector<OptionalCoin> coins;
    std::uint64_t available = kSubsidy;
    for (const Outpoint& outpoint : index.outside_outpoints) {
        coins.push_back(make_coin(outpoint));
        available = std::min(available + coins.back().coin.amount, UINT64_MAX / 2);
    }
    const std::vector<std::uint8_t> known(count, data[1] % 2);
    const BlockRules rules{{}, kHeight, kSubsidy, 3, kMaxAmount, 100'000};
    const BlockVerdict verdict = check_block(engine(), testing::fake_library(), index, coins,
                                             known.data(), rules, 1);
    CHECK(verdict.is_valid() || verdict.suspect < count || count == 0);
    if (verdict.is_valid()) CHECK(total_created(index, verdict) <= available);
    return 0;
}
