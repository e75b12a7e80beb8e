// index_block: decode, hash, and find out which inputs spend outputs of the same block.
#include <algorithm>

#include "chaindeck/block.h"
#include "chaindeck/merkle.h"

namespace chaindeck {
namespace {

constexpr std::size_t kMinTransactionSize = 12;

// Sorts by the first eight bytes and looks at the rest only where those are equal.
struct SortKey {
    std::uint64_t prefix;
    std::uint32_t number;
};

template <typename Key>
std::vector<SortKey> sort_keys(const std::vector<Key>& keys) {
    std::vector<SortKey> sorted(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i)
        sorted[i] = {load_be64(keys[i].data()), static_cast<std::uint32_t>(i)};
    std::sort(sorted.begin(), sorted.end(), [&keys](const SortKey& a, const SortKey& b) {
        if (a.prefix != b.prefix) return a.prefix < b.prefix;
        const int order = std::memcmp(&keys[a.number], &keys[b.number], sizeof(Key));
        return order != 0 ? order < 0 : a.number < b.number;
    });
    return sorted;
}

// The number of the first key that equals an earlier one.
template <typename Key>
std::size_t first_repeat(const std::vector<Key>& keys, const std::vector<SortKey>& sorted) {
    std::size_t first = kNobody;
    for (std::size_t i = 1; i < sorted.size(); ++i)
        if (keys[sorted[i - 1].number] == keys[sorted[i].number])
            first = std::min<std::size_t>(first, sorted[i].number);
    return first;
}

class Indexer {
public:
    Indexer(const Sha256Engine& engine, BlockIndex& index) : engine_(engine), index_(index) {}

    Failure decode(std::size_t offset, std::size_t count) {
        if (offset > index_.data.size) return {Malformed::truncated, offset};
        if (count > (index_.data.size - offset) / kMinTransactionSize)
            return {Malformed::count, offset};
        index_.transactions.resize(count);
        for (TransactionLayout& layout : index_.transactions) {
            if (const Failure failure = parse_transaction(index_.data, offset, layout))
                return failure;
            offset = layout.end;
            index_.signature_count += layout.signature_count;
        }
        if (offset != index_.data.size) return {Malformed::trailing, offset};
        return {};
    }

    void hash() {
        const std::size_t count = index_.transactions.size();
        std::vector<Bytes> bodies(count);
        std::vector<Bytes> fulls(count);
        for (std::size_t i = 0; i < count; ++i) {
            const TransactionLayout& layout = index_.transactions[i];
            const std::uint8_t* begin = index_.data.data + layout.begin;
            bodies[i] = {begin, layout.body_end - layout.begin};
            fulls[i] = {begin, layout.end - layout.begin};
        }
        index_.txids.resize(count);
        index_.full_ids.resize(count);
        hash256_batch(engine_, bodies.data(), count, index_.txids.data());
        hash256_batch(engine_, fulls.data(), count, index_.full_ids.data());
        index_.merkle_root = merkle_root(engine_, fulls);
    }

    void list_outputs() {
        for (const TransactionLayout& layout : index_.transactions) {
            index_.first_output.push_back(index_.outputs.size());
            const std::uint8_t* at = index_.data.data + layout.outputs;
            for (std::size_t i = 0; i < layout.output_count; ++i) {
                index_.outputs.push_back(static_cast<std::uint32_t>(at - index_.data.data));
                read_output(at);
            }
        }
        index_.first_output.push_back(index_.outputs.size());
    }

    void resolve_inputs() {
        sorted_txids_ = sort_keys(index_.txids);
        std::vector<std::size_t> spenders;
        for (std::size_t i = 1; i < index_.transactions.size(); ++i) {
            const std::uint8_t* at = index_.data.data + index_.transactions[i].inputs;
            for (std::size_t n = 0; n < index_.transactions[i].input_count; ++n)
                resolve(read_input(at), i, spenders);
        }
        index_.first_repeat = first_repeat(index_.txids, sorted_txids_);
        const std::vector<Outpoint>& outpoints = index_.outside_outpoints;
        const std::size_t repeat = first_repeat(outpoints, sort_keys(outpoints));
        if (repeat != kNobody)
            index_.first_repeat = std::min(index_.first_repeat, spenders[repeat]);
    }

private:
    void resolve(const Input& input, std::size_t spender, std::vector<std::size_t>& spenders) {
        const std::size_t inside = find_output(input, spender);
        if (inside != kNobody) {
            index_.sources.push_back({static_cast<std::uint32_t>(inside), true});
            return;
        }
        Outpoint outpoint;
        std::memcpy(outpoint.data(), input.txid, 32);
        store_be32(outpoint.data() + 32, input.output_index);
        const std::size_t number = index_.outside_outpoints.size();
        index_.sources.push_back({static_cast<std::uint32_t>(number), false});
        index_.outside_outpoints.push_back(outpoint);
        spenders.push_back(spender);
    }

    // The number of the payment output that `input` names, if an earlier transaction made it.
    std::size_t find_output(const Input& input, std::size_t spender) const {
        const std::size_t creator = find_transaction(input.txid);
        if (creator >= spender) return kNobody;
        if (input.output_index >= index_.transactions[creator].output_count) return kNobody;
        const std::size_t number = index_.first_output[creator] + input.output_index;
        const std::uint8_t* at = index_.data.data + index_.outputs[number];
        return read_output(at).is_payment ? number : kNobody;
    }

    std::size_t find_transaction(const std::uint8_t* txid) const {
        const std::uint64_t prefix = load_be64(txid);
        auto found = std::lower_bound(
            sorted_txids_.begin(), sorted_txids_.end(), prefix,
            [](const SortKey& key, std::uint64_t wanted) { return key.prefix < wanted; });
        for (; found != sorted_txids_.end() && found->prefix == prefix; ++found)
            if (std::memcmp(index_.txids[found->number].data(), txid, 32) == 0)
                return found->number;
        return kNobody;
    }

    const Sha256Engine& engine_;
    BlockIndex& index_;
    std::vector<SortKey> sorted_txids_;
};

}  // namespace

Failure index_block(const Sha256Engine& engine, Bytes data, std::size_t offset, std::size_t count,
                    BlockIndex& index) {
    index = {};
    index.data = data;
    Indexer indexer(engine, index);
    if (const Failure failure = indexer.decode(offset, count)) return failure;
    indexer.hash();
    indexer.list_outputs();
    indexer.resolve_inputs();
    return {};
}

}  // namespace chaindeck
