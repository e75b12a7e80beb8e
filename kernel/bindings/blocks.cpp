// index_block and check_block with their value objects. Lists are built anew at each access.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "chaindeck/block.h"
#include "support.h"

namespace chaindeck::bindings {
namespace {

// The index borrows the bytes that `data` keeps alive.
struct HeldIndex {
    nb::bytes data;
    BlockIndex index;
};

struct HeldVerdict {
    std::shared_ptr<const HeldIndex> block;
    BlockVerdict verdict;
    std::uint32_t height = 0;
};

std::shared_ptr<HeldIndex> index_of(const nb::bytes& data, Py_ssize_t offset, Py_ssize_t count) {
    if (offset < 0 || count < 0) throw nb::value_error("offset and count must not be negative");
    const Bytes bytes = view(data);
    if (bytes.size > UINT32_MAX) throw nb::value_error("data must be smaller than 4 GiB");
    auto held = std::make_shared<HeldIndex>(HeldIndex{data, {}});
    Failure failure;
    {
        nb::gil_scoped_release released;
        failure = index_block(engine(), bytes, static_cast<std::size_t>(offset),
                              static_cast<std::size_t>(count), held->index);
    }
    if (failure) raise_malformed(static_cast<unsigned>(failure.code), failure.offset);
    return held;
}

std::vector<std::size_t> offsets_of(const HeldIndex& held) {
    std::vector<std::size_t> offsets;
    offsets.reserve(held.index.transactions.size() + 1);
    for (const TransactionLayout& layout : held.index.transactions)
        offsets.push_back(layout.begin);
    offsets.push_back(held.index.data.size);
    return offsets;
}

std::vector<OptionalCoin> read_coins(const nb::list& packed, std::size_t expected) {
    if (packed.size() != expected)
        throw nb::value_error("there must be one coin, or None, per spent outpoint");
    std::vector<OptionalCoin> coins(expected);
    for (std::size_t i = 0; i < expected; ++i) {
        PyObject* item = PyList_GET_ITEM(packed.ptr(), static_cast<Py_ssize_t>(i));
        if (item == Py_None) continue;
        if (!PyBytes_Check(item)) throw nb::type_error("every coin must be bytes or None");
        if (PyBytes_GET_SIZE(item) != static_cast<Py_ssize_t>(kPackedCoinSize))
            throw nb::value_error("a packed coin must be 33 bytes");
        coins[i].exists = true;
        coins[i].coin = unpack_coin(reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(item)));
    }
    return coins;
}

HeldVerdict check(const std::shared_ptr<HeldIndex>& block, const nb::list& coins,
                  const nb::bytes& known, const nb::bytes& network_id, std::uint32_t height,
                  std::uint64_t subsidy, std::uint32_t maturity, std::uint64_t max_amount,
                  std::size_t max_transaction_size, int threads) {
    const BlockIndex& index = block->index;
    if (known.size() != index.transactions.size())
        throw nb::value_error("known must have one byte per transaction");
    BlockRules rules{{}, height, subsidy, maturity, max_amount, max_transaction_size};
    if (network_id.size() != rules.network_id.size())
        throw nb::value_error("network_id must be 32 bytes");
    if (max_amount > INT64_MAX) throw nb::value_error("max_amount must be below 2^63");
    std::memcpy(rules.network_id.data(), network_id.c_str(), rules.network_id.size());
    const std::vector<OptionalCoin> values = read_coins(coins, index.outside_outpoints.size());
    const std::uint8_t* known_bytes = view(known).data;
    const unsigned workers = checked_threads(threads);
    const SignatureLibrary& library = signature_library();
    HeldVerdict held{block, {}, height};
    nb::gil_scoped_release released;
    held.verdict = check_block(engine(), library, index, values, known_bytes, rules, workers);
    return held;
}

std::int64_t suspect_of(const HeldVerdict& held) {
    return held.verdict.is_valid() ? -1 : static_cast<std::int64_t>(held.verdict.suspect);
}

nb::list created_by(const HeldVerdict& held) {
    nb::list list;
    if (!held.verdict.is_valid()) return list;
    for (const CreatedCoin& created :
         created_coins(held.block->index, held.verdict, held.height))
        list.append(nb::make_tuple(to_bytes(created.outpoint), to_bytes(created.coin)));
    return list;
}

}  // namespace

void bind_blocks(nb::module_& module) {
    nb::class_<HeldIndex>(module, "BlockIndex")
        .def_prop_ro("txids", [](const HeldIndex& held) { return to_list(held.index.txids); })
        .def_prop_ro("full_ids",
                     [](const HeldIndex& held) { return to_list(held.index.full_ids); })
        .def_prop_ro("merkle_root",
                     [](const HeldIndex& held) { return to_bytes(held.index.merkle_root); })
        .def_prop_ro("spent_outpoints",
                     [](const HeldIndex& held) { return to_list(held.index.outside_outpoints); })
        .def_prop_ro("signature_count",
                     [](const HeldIndex& held) { return held.index.signature_count; })
        .def_prop_ro("offsets", offsets_of);
    nb::class_<HeldVerdict>(module, "BlockVerdict")
        .def_prop_ro("is_valid", [](const HeldVerdict& held) { return held.verdict.is_valid(); })
        .def_prop_ro("suspect", suspect_of)
        .def_prop_ro("fees", [](const HeldVerdict& held) { return held.verdict.fees; })
        .def_prop_ro("created", created_by)
        .def_prop_ro("recovered", [](const HeldVerdict& held) { return held.verdict.recovered; });
    module.def("index_block", index_of, nb::arg("data"), nb::arg("offset"), nb::arg("count"));
    module.def("check_block", check, nb::arg("index"), nb::arg("coins"), nb::arg("known"),
               nb::arg("network_id"), nb::arg("height"), nb::arg("subsidy"), nb::arg("maturity"),
               nb::arg("max_amount"), nb::arg("max_transaction_size"), nb::arg("threads") = 2);
}

}  // namespace chaindeck::bindings
