// check_block: the cheap rules of one transaction after the other, then all signatures at once.
//
// The first transaction that breaks a cheap rule ends the first pass; signatures of those before
// it are still recovered, because a bad one among them makes an earlier suspect.
#include <algorithm>
#include <atomic>

#include "chaindeck/block.h"
#include "chaindeck/parallel.h"

namespace chaindeck {
namespace {

constexpr std::size_t kBatch = 8;  // signatures a thread takes at a time

// Adds unless the sum leaves the range of amounts.
bool add_amount(std::uint64_t& sum, std::uint64_t amount, std::uint64_t max_amount) {
    if (amount > max_amount || sum > max_amount - amount) return false;
    sum += amount;
    return true;
}

// The hash that every signature of a transaction signs starts with its tag, hashed, twice.
Sha256 start_tagged(const Sha256Engine& engine) {
    constexpr std::array<std::uint8_t, 12> tag = {'c', 'h', 'a', 'i', 'n', 'd',
                                                  'e', 'c', 'k', '/', 't', 'x'};
    const Hash name = sha256(engine, {tag.data(), tag.size()});
    Sha256 hasher(engine);
    hasher.add(view(name)).add(view(name));
    return hasher;
}

// One signature to recover and the owner it must recover to.
struct SignatureJob {
    Hash digest;
    KeyHash owner;
    const std::uint8_t* signature;
    std::uint32_t transaction;
};

// The signatures of the block, recovered in order by several threads.
class SignatureBatch {
public:
    SignatureBatch(const Sha256Engine& engine, const SignatureLibrary& library)
        : engine_(engine), library_(library) {}

    void add(const SignatureJob& job) { jobs_.push_back(job); }

    void run(unsigned threads) {
        run_parallel(jobs_.size() > kBatch ? threads : 1, [this] { work(); });
    }

    std::size_t recovered() const { return recovered_; }

    // The first transaction with a wrong signature. Jobs are taken in order, so every job before
    // the first failure has been done.
    std::size_t suspect() const { return suspect_; }

private:
    void work() {
        std::size_t done = 0;
        for (std::size_t from = next_.fetch_add(kBatch);
             from < jobs_.size() && suspect_ == kNobody; from = next_.fetch_add(kBatch)) {
            const std::size_t to = std::min(jobs_.size(), from + kBatch);
            for (std::size_t i = from; i < to; ++i, ++done)
                if (!is_signed(jobs_[i])) lower_suspect(jobs_[i].transaction);
        }
        recovered_ += done;
    }

    bool is_signed(const SignatureJob& job) const {
        KeyHash signer;
        return recover_key_hash(library_, engine_, job.digest.data(), job.signature, signer) ==
                   Recovery::ok &&
               signer == job.owner;
    }

    void lower_suspect(std::size_t transaction) {
        std::size_t current = suspect_;
        while (transaction < current && !suspect_.compare_exchange_weak(current, transaction)) {
        }
    }

    const Sha256Engine& engine_;
    const SignatureLibrary& library_;
    std::vector<SignatureJob> jobs_;
    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> suspect_{kNobody};
    std::atomic<std::size_t> recovered_{0};
};

class BlockCheck {
public:
    BlockCheck(const Sha256Engine& engine, const SignatureLibrary& library, const BlockIndex& index,
               const std::vector<OptionalCoin>& coins, const BlockRules& rules)
        : index_(index), coins_(coins), rules_(rules), signatures_(engine, library),
          tagged_(start_tagged(engine)) {
        tagged_.add(view(rules.network_id));
        verdict_.is_spent.resize(index.outputs.size());
    }

    BlockVerdict run(const std::uint8_t* known, unsigned threads) {
        const std::size_t count = index_.transactions.size();
        std::uint64_t reward = 0;
        if (count == 0 || !is_coinbase_well_formed(reward)) return suspect_at(0);
        std::size_t passed = 1;
        while (passed < count && keeps_cheap_rules(passed, known[passed] != 0)) ++passed;
        signatures_.run(threads);
        verdict_.recovered = signatures_.recovered();
        if (signatures_.suspect() != kNobody) return suspect_at(signatures_.suspect());
        if (passed < count) return suspect_at(passed);
        const std::uint64_t fees = verdict_.fees;
        if (reward > fees && reward - fees > rules_.subsidy) return suspect_at(0);
        return verdict_;
    }

private:
    BlockVerdict suspect_at(std::size_t transaction) {
        verdict_.suspect = transaction;
        return verdict_;
    }

    bool is_coinbase_well_formed(std::uint64_t& reward) const {
        const TransactionLayout& layout = index_.transactions[0];
        if (layout.input_count != 1 || layout.output_count == 0 || layout.signature_count != 0 ||
            layout.end - layout.begin > rules_.max_transaction_size)
            return false;
        const std::uint8_t* at = index_.data.data + layout.inputs;
        const Input input = read_input(at);
        return is_zero(input.txid) && input.output_index == rules_.height &&
               sum_outputs(layout, reward);
    }

    static bool is_zero(const std::uint8_t* txid) {
        return std::all_of(txid, txid + 32, [](std::uint8_t byte) { return byte == 0; });
    }

    bool sum_outputs(const TransactionLayout& layout, std::uint64_t& sum) const {
        const std::uint8_t* at = index_.data.data + layout.outputs;
        for (std::size_t i = 0; i < layout.output_count; ++i) {
            const Output output = read_output(at);
            if (!output.is_payment) continue;
            if (output.amount == 0 || !add_amount(sum, output.amount, rules_.max_amount))
                return false;
        }
        return true;
    }

    // Everything but the recovering of signatures, of any transaction but the first.
    bool keeps_cheap_rules(std::size_t transaction, bool is_known) {
        const TransactionLayout& layout = index_.transactions[transaction];
        if (transaction == index_.first_repeat) return false;
        if (layout.input_count == 0 || layout.output_count == 0) return false;
        if (layout.end - layout.begin > rules_.max_transaction_size) return false;
        std::uint64_t paid = 0;
        std::uint64_t spent = 0;
        if (!sum_outputs(layout, paid) || !spend_inputs(layout, spent) || paid > spent)
            return false;
        return add_amount(verdict_.fees, spent - paid, rules_.max_amount) &&
               authorise(transaction, is_known);
    }

    // Leaves the coins in spent_coins_.
    bool spend_inputs(const TransactionLayout& layout, std::uint64_t& sum) {
        spent_coins_.clear();
        const std::uint8_t* at = index_.data.data + layout.inputs;
        for (std::size_t i = 0; i < layout.input_count; ++i) {
            Coin coin;
            if (is_zero(read_input(at).txid) || !spend(index_.sources[next_source_++], coin))
                return false;
            if (coin.is_coinbase && !is_mature(coin)) return false;
            if (!add_amount(sum, coin.amount, rules_.max_amount)) return false;
            spent_coins_.push_back(coin);
        }
        return true;
    }

    bool is_mature(const Coin& coin) const {
        return rules_.height >= coin.height && rules_.height - coin.height >= rules_.maturity;
    }

    bool spend(const Source& source, Coin& coin) {
        if (!source.is_inside) {
            coin = coins_[source.number].coin;
            return coins_[source.number].exists;
        }
        if (verdict_.is_spent[source.number] != 0) return false;
        verdict_.is_spent[source.number] = 1;
        const std::uint8_t* at = index_.data.data + index_.outputs[source.number];
        const Output output = read_output(at);
        std::copy_n(output.content.data, coin.owner.size(), coin.owner.begin());
        coin.amount = output.amount;
        coin.height = rules_.height;
        coin.is_coinbase = source.number < index_.first_output[1];
        return true;
    }

    // Each input has its own signature or shares the transaction's, which then has one owner;
    // a transaction's signature that serves no input is refused.
    bool authorise(std::size_t transaction, bool is_known) {
        const TransactionLayout& layout = index_.transactions[transaction];
        const std::uint8_t* at = index_.data.data + layout.body_end;
        const Bytes shared = read_signature(at);
        const Hash digest = is_known ? Hash{} : signature_hash(layout);
        const auto number = static_cast<std::uint32_t>(transaction);
        const Coin* sharer = nullptr;
        pending_.clear();
        for (const Coin& coin : spent_coins_) {
            const Bytes own = read_signature(at);
            if (own.size > 0) {
                pending_.push_back({digest, coin.owner, own.data, number});
            } else if (sharer == nullptr) {
                sharer = &coin;
            } else if (coin.owner != sharer->owner) {
                return false;
            }
        }
        if ((sharer != nullptr) != (shared.size > 0)) return false;
        if (sharer != nullptr) pending_.push_back({digest, sharer->owner, shared.data, number});
        if (!is_known)
            for (const SignatureJob& job : pending_) signatures_.add(job);
        return true;
    }

    Hash signature_hash(const TransactionLayout& layout) const {
        Sha256 hasher = tagged_;
        hasher.add({index_.data.data + layout.begin, layout.body_end - layout.begin});
        for (const Coin& coin : spent_coins_) {
            std::array<std::uint8_t, 28> owner_and_amount;
            std::copy_n(coin.owner.begin(), coin.owner.size(), owner_and_amount.begin());
            store_le(owner_and_amount.data() + coin.owner.size(), coin.amount, 8);
            hasher.add({owner_and_amount.data(), owner_and_amount.size()});
        }
        return hasher.finish();
    }

    const BlockIndex& index_;
    const std::vector<OptionalCoin>& coins_;
    const BlockRules& rules_;
    SignatureBatch signatures_;
    Sha256 tagged_;
    BlockVerdict verdict_;
    std::size_t next_source_ = 0;
    std::vector<Coin> spent_coins_;
    std::vector<SignatureJob> pending_;
};

}  // namespace

PackedCoin pack_coin(const Coin& coin) {
    PackedCoin packed;
    std::copy_n(coin.owner.begin(), 20, packed.begin());
    store_le(packed.data() + 20, coin.amount, 8);
    store_le(packed.data() + 28, coin.height, 4);
    packed[32] = coin.is_coinbase ? 1 : 0;
    return packed;
}

Coin unpack_coin(const std::uint8_t* packed) {
    Coin coin;
    std::copy_n(packed, 20, coin.owner.begin());
    coin.amount = load_le(packed + 20, 8);
    coin.height = static_cast<std::uint32_t>(load_le(packed + 28, 4));
    coin.is_coinbase = packed[32] != 0;
    return coin;
}

BlockVerdict check_block(const Sha256Engine& engine, const SignatureLibrary& library,
                         const BlockIndex& index, const std::vector<OptionalCoin>& coins,
                         const std::uint8_t* known, const BlockRules& rules, unsigned threads) {
    return BlockCheck(engine, library, index, coins, rules).run(known, threads);
}

std::vector<CreatedCoin> created_coins(const BlockIndex& index, const BlockVerdict& verdict,
                                       std::uint32_t height) {
    std::vector<CreatedCoin> created;
    for (std::size_t i = 0; i < index.transactions.size(); ++i) {
        for (std::size_t n = index.first_output[i]; n < index.first_output[i + 1]; ++n) {
            const std::uint8_t* at = index.data.data + index.outputs[n];
            const Output output = read_output(at);
            if (!output.is_payment || verdict.is_spent[n] != 0) continue;
            Coin coin;
            std::copy_n(output.content.data, coin.owner.size(), coin.owner.begin());
            coin.amount = output.amount;
            coin.height = height;
            coin.is_coinbase = i == 0;
            CreatedCoin entry{{}, pack_coin(coin)};
            std::memcpy(entry.outpoint.data(), index.txids[i].data(), 32);
            store_be32(entry.outpoint.data() + 32,
                       static_cast<std::uint32_t>(n - index.first_output[i]));
            created.push_back(entry);
        }
    }
    return created;
}

}  // namespace chaindeck
