// What every binding file needs: views of Python bytes, lists of hashes, the engine in use.
#pragma once

#include <nanobind/nanobind.h>

#include "chaindeck/sha256.h"
#include "chaindeck/signatures.h"

namespace chaindeck::bindings {

namespace nb = nanobind;

inline Bytes view(const nb::bytes& data) {
    return {reinterpret_cast<const std::uint8_t*>(data.c_str()), data.size()};
}

inline nb::bytes to_bytes(const void* data, std::size_t size) { return nb::bytes(data, size); }

template <std::size_t Size>
nb::bytes to_bytes(const std::array<std::uint8_t, Size>& data) {
    return nb::bytes(data.data(), Size);
}

template <typename Array>
nb::list to_list(const std::vector<Array>& values) {
    nb::list list = nb::steal<nb::list>(PyList_New(static_cast<Py_ssize_t>(values.size())));
    for (std::size_t i = 0; i < values.size(); ++i)
        PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i),
                        to_bytes(values[i]).release().ptr());
    return list;
}

// A list of bytes held still: the tuple keeps every item alive while the lock is released, even
// if another thread changes the list meanwhile.
struct HeldBytes {
    explicit HeldBytes(const nb::list& items);
    nb::object held;
    std::vector<Bytes> views;
};

// The one implementation of SHA-256 that all calls use; changed by tests alone.
const Sha256Engine& engine();

// Throws RuntimeError until connect_signature_library has been called.
const SignatureLibrary& signature_library();

// Turns the Python argument into a number of threads, or throws ValueError.
unsigned checked_threads(int threads);

void bind_hashing(nb::module_& module);
void bind_recovery_queue(nb::module_& module);
void bind_search(nb::module_& module);
void bind_signatures(nb::module_& module);
void bind_transactions(nb::module_& module);
void bind_blocks(nb::module_& module);
void bind_short_ids(nb::module_& module);

// Raises chaindeck.kernel.errors.MalformedError.
[[noreturn]] void raise_malformed(unsigned code, std::size_t offset);

}  // namespace chaindeck::bindings
