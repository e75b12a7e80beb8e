// short_ids and match_short_ids.
#include "chaindeck/short_ids.h"

#include "support.h"

namespace chaindeck::bindings {
namespace {

SipKey checked_key(const nb::bytes& key) {
    SipKey array;
    if (key.size() != array.size()) throw nb::value_error("the key must be 16 bytes");
    std::memcpy(array.data(), key.c_str(), array.size());
    return array;
}

std::size_t checked_count(Bytes data, std::size_t size, const char* complaint) {
    if (data.size % size != 0) throw nb::value_error(complaint);
    return data.size / size;
}

std::size_t count_ids(Bytes ids) {
    return checked_count(ids, sizeof(Hash), "ids must be 32 bytes each");
}

nb::list to_numbers(const std::vector<std::int64_t>& values) {
    nb::list list = nb::steal<nb::list>(PyList_New(static_cast<Py_ssize_t>(values.size())));
    if (!list.is_valid()) throw nb::python_error();
    for (std::size_t i = 0; i < values.size(); ++i) {
        PyObject* number = PyLong_FromLongLong(values[i]);
        if (number == nullptr) throw nb::python_error();
        PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), number);
    }
    return list;
}

nb::bytes short_ids_of(const nb::bytes& key, const nb::bytes& ids) {
    const SipKey sip_key = checked_key(key);
    const Bytes id_bytes = view(ids);
    const std::size_t count = count_ids(id_bytes);
    std::vector<std::uint8_t> names(count * kShortIdSize);
    {
        nb::gil_scoped_release released;
        make_short_ids(sip_key, id_bytes.data, count, names.data());
    }
    return to_bytes(names.data(), names.size());
}

nb::list match(const nb::bytes& key, const nb::bytes& pool_ids, const nb::bytes& wanted) {
    const SipKey sip_key = checked_key(key);
    const Bytes pool = view(pool_ids);
    const Bytes names = view(wanted);
    const std::size_t pool_count = count_ids(pool);
    const std::size_t name_count =
        checked_count(names, kShortIdSize, "short ids must be 6 bytes each");
    std::vector<std::int64_t> matches;
    {
        nb::gil_scoped_release released;
        matches = match_short_ids(sip_key, pool.data, pool_count, names.data, name_count);
    }
    return to_numbers(matches);
}

}  // namespace

void bind_short_ids(nb::module_& module) {
    module.def("short_ids", short_ids_of, nb::arg("key"), nb::arg("ids"));
    module.def("match_short_ids", match, nb::arg("key"), nb::arg("pool_ids"),
               nb::arg("wanted"));
}

}  // namespace chaindeck::bindings
