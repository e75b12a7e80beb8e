// parse_transaction: one decoded transaction as nested tuples.
#include "chaindeck/transaction.h"

#include "support.h"

namespace chaindeck::bindings {
namespace {

// A new tuple; every slot must be filled with `fill` before Python sees it.
nb::tuple new_tuple(std::size_t size) {
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(size));
    if (tuple == nullptr) throw nb::python_error();
    return nb::steal<nb::tuple>(tuple);
}

void fill(const nb::tuple& tuple, std::size_t slot, nb::object value) {
    PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(slot), value.release().ptr());
}

nb::object to_int(std::uint64_t value) {
    PyObject* number = PyLong_FromUnsignedLongLong(value);
    if (number == nullptr) throw nb::python_error();
    return nb::steal(number);
}

nb::tuple pair(nb::object first, nb::object second) {
    nb::tuple tuple = new_tuple(2);
    fill(tuple, 0, std::move(first));
    fill(tuple, 1, std::move(second));
    return tuple;
}

nb::tuple inputs_of(const TransactionLayout& layout, const std::uint8_t* data) {
    nb::tuple inputs = new_tuple(layout.input_count);
    const std::uint8_t* at = data + layout.inputs;
    for (std::size_t i = 0; i < layout.input_count; ++i) {
        const Input input = read_input(at);
        fill(inputs, i, pair(to_bytes(input.txid, 32), to_int(input.output_index)));
    }
    return inputs;
}

nb::tuple outputs_of(const TransactionLayout& layout, const std::uint8_t* data) {
    nb::tuple outputs = new_tuple(layout.output_count);
    const std::uint8_t* at = data + layout.outputs;
    for (std::size_t i = 0; i < layout.output_count; ++i) {
        const Output output = read_output(at);
        fill(outputs, i, pair(to_bytes(output.content.data, output.content.size),
                              output.is_payment ? to_int(output.amount) : nb::none()));
    }
    return outputs;
}

nb::bytes signature_of(const std::uint8_t*& at) {
    const Bytes signature = read_signature(at);
    return to_bytes(signature.data, signature.size);
}

nb::tuple input_signatures_of(const TransactionLayout& layout, const std::uint8_t* data) {
    nb::tuple signatures = new_tuple(layout.input_count);
    const std::uint8_t* at = data + layout.input_signatures;
    for (std::size_t i = 0; i < layout.input_count; ++i) fill(signatures, i, signature_of(at));
    return signatures;
}

nb::tuple parse(const nb::bytes& data, Py_ssize_t offset) {
    if (offset < 0) throw nb::value_error("offset must not be negative");
    const Bytes bytes = view(data);
    TransactionLayout layout;
    const Failure failure = parse_transaction(bytes, static_cast<std::size_t>(offset), layout);
    if (failure) raise_malformed(static_cast<unsigned>(failure.code), failure.offset);
    const std::uint8_t* begin = bytes.data + layout.begin;
    const std::uint8_t* signature_at = bytes.data + layout.body_end;
    nb::tuple parsed = new_tuple(8);
    fill(parsed, 0, to_int(layout.end));
    fill(parsed, 1, to_bytes(hash256(engine(), {begin, layout.body_end - layout.begin})));
    fill(parsed, 2, to_bytes(hash256(engine(), {begin, layout.end - layout.begin})));
    fill(parsed, 3, to_int(read_timestamp(begin)));
    fill(parsed, 4, inputs_of(layout, bytes.data));
    fill(parsed, 5, outputs_of(layout, bytes.data));
    fill(parsed, 6, signature_of(signature_at));
    fill(parsed, 7, input_signatures_of(layout, bytes.data));
    return parsed;
}

}  // namespace

void raise_malformed(unsigned code, std::size_t offset) {
    const nb::module_ errors = nb::module_::import_("chaindeck.kernel.errors");
    const nb::object name = errors.attr("MALFORMED_CODES")[code];
    const nb::object error = errors.attr("MalformedError")(name, offset);
    PyErr_SetObject(error.type().ptr(), error.ptr());
    throw nb::python_error();
}

void bind_transactions(nb::module_& module) {
    module.def("parse_transaction", parse, nb::arg("data"), nb::arg("offset") = 0);
}

}  // namespace chaindeck::bindings
