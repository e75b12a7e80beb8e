// The compiled module chaindeck.kernel._native: argument checks, the interpreter lock, and the
// conversion of results. All rules live in the library underneath.
#include "support.h"

namespace nb = nanobind;

namespace chaindeck::bindings {

HeldBytes::HeldBytes(const nb::list& items) : held(nb::steal(PyList_AsTuple(items.ptr()))) {
    if (!held.is_valid()) throw nb::python_error();
    const auto count = static_cast<std::size_t>(PyTuple_GET_SIZE(held.ptr()));
    views.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        PyObject* item = PyTuple_GET_ITEM(held.ptr(), static_cast<Py_ssize_t>(i));
        if (!PyBytes_Check(item)) throw nb::type_error("every item must be bytes");
        views.push_back({reinterpret_cast<const std::uint8_t*>(PyBytes_AS_STRING(item)),
                         static_cast<std::size_t>(PyBytes_GET_SIZE(item))});
    }
}

unsigned checked_threads(int threads) {
    constexpr int max_threads = 256;
    if (threads < 1 || threads > max_threads)
        throw nb::value_error("threads must be between 1 and 256");
    return static_cast<unsigned>(threads);
}

}  // namespace chaindeck::bindings

NB_MODULE(_native, module) {
    using namespace chaindeck::bindings;
    // What module globals still hold when the interpreter ends is no leak worth a report.
    nanobind::set_leak_warnings(false);
    bind_hashing(module);
    bind_recovery_queue(module);
    bind_search(module);
    bind_signatures(module);
    bind_transactions(module);
    bind_blocks(module);
    bind_short_ids(module);
}
