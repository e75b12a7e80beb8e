// hash256, Merkle trees, and the choice of the SHA-256 implementation.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <string>

#include "chaindeck/merkle.h"
#include "support.h"

namespace chaindeck::bindings {
namespace {

// Below this, handing the lock over costs more than the hashing.
constexpr std::size_t kReleaseLockAbove = 64 * 1024;

std::atomic<const Sha256Engine*>& chosen_engine() {
    static std::atomic<const Sha256Engine*> chosen{sha256_engines().front()};
    return chosen;
}

nb::bytes hash256_of(const nb::bytes& data) {
    const Bytes bytes = view(data);
    if (bytes.size <= kReleaseLockAbove) return to_bytes(hash256(engine(), bytes));
    Hash digest;
    {
        nb::gil_scoped_release released;
        digest = hash256(engine(), bytes);
    }
    return to_bytes(digest);
}

nb::list hash256_many(const nb::list& items) {
    const HeldBytes held(items);
    std::vector<Hash> digests(held.views.size());
    {
        nb::gil_scoped_release released;
        hash256_batch(engine(), held.views.data(), held.views.size(), digests.data());
    }
    return to_list(digests);
}

nb::bytes root_of(const nb::list& leaves) {
    const HeldBytes held(leaves);
    Hash root;
    {
        nb::gil_scoped_release released;
        root = merkle_root(engine(), held.views);
    }
    return to_bytes(root);
}

nb::list branch_of(const nb::list& leaves, Py_ssize_t index) {
    const HeldBytes held(leaves);
    if (index < 0 || static_cast<std::size_t>(index) >= held.views.size())
        throw nb::index_error("no leaf has this index");
    std::vector<Hash> path;
    {
        nb::gil_scoped_release released;
        path = merkle_branch(engine(), held.views, static_cast<std::size_t>(index));
    }
    return to_list(path);
}

std::vector<std::string> implementation_names() {
    std::vector<std::string> names;
    for (const Sha256Engine* each : sha256_engines()) names.emplace_back(each->name);
    return names;
}

void use_implementation(const std::string& name) {
    for (const Sha256Engine* each : sha256_engines()) {
        if (name == each->name) {
            chosen_engine() = each;
            return;
        }
    }
    throw nb::value_error("this processor has no such SHA-256 implementation");
}

}  // namespace

const Sha256Engine& engine() { return *chosen_engine().load(std::memory_order_relaxed); }

void bind_hashing(nb::module_& module) {
    module.def("hash256", hash256_of, nb::arg("data"));
    module.def("hash256_many", hash256_many, nb::arg("items"));
    module.def("merkle_root", root_of, nb::arg("leaves"));
    module.def("merkle_branch", branch_of, nb::arg("leaves"), nb::arg("index"));
    module.def("sha256_implementations", implementation_names);
    module.def("use_sha256_implementation", use_implementation, nb::arg("name"));
}

}  // namespace chaindeck::bindings
