// search_nonce and the flag that stops it.
#include "chaindeck/pow.h"
#include "support.h"

namespace chaindeck::bindings {
namespace {

class StopFlag {
public:
    void set() { is_set_ = true; }
    void clear() { is_set_ = false; }
    bool is_set() const { return is_set_; }
    const std::atomic<bool>& value() const { return is_set_; }

private:
    std::atomic<bool> is_set_{false};
};

template <typename Array>
Array exactly(const nb::bytes& data, const char* complaint) {
    Array array;
    if (data.size() != array.size()) throw nb::value_error(complaint);
    std::memcpy(array.data(), data.c_str(), array.size());
    return array;
}

nb::tuple search(const nb::bytes& header, const nb::bytes& target, std::uint64_t first_nonce,
                 std::uint64_t count, int threads, const StopFlag* stop) {
    const auto fixed_header = exactly<Header>(header, "header must be 96 bytes");
    const auto fixed_target = exactly<Hash>(target, "target must be 32 bytes");
    const unsigned workers = checked_threads(threads);
    const std::atomic<bool> never{false};
    SearchResult result;
    {
        nb::gil_scoped_release released;
        result = search_nonce(engine(), fixed_header, fixed_target, first_nonce, count, workers,
                              stop == nullptr ? never : stop->value());
    }
    const nb::object nonce = result.nonce ? nb::object(nb::int_(*result.nonce)) : nb::none();
    return nb::make_tuple(nonce, result.hashes);
}

}  // namespace

void bind_search(nb::module_& module) {
    nb::class_<StopFlag>(module, "StopFlag")
        .def(nb::init<>())
        .def("set", &StopFlag::set)
        .def("clear", &StopFlag::clear)
        .def("is_set", &StopFlag::is_set);
    module.def("search_nonce", search, nb::arg("header"), nb::arg("target"),
               nb::arg("first_nonce"), nb::arg("count"), nb::arg("threads") = 1,
               nb::arg("stop").none() = nb::none());
}

}  // namespace chaindeck::bindings
