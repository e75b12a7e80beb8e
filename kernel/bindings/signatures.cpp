// recover_many, through the function pointers that Python hands over once at import.
#include "chaindeck/signatures.h"

#include "support.h"

namespace chaindeck::bindings {
namespace {

SignatureLibrary& connected_library() {
    static SignatureLibrary library;
    return library;
}

template <typename Function>
Function to_function(std::uintptr_t address) {
    return reinterpret_cast<Function>(address);
}

void connect(std::uintptr_t context, std::uintptr_t parse_compact, std::uintptr_t recover,
             std::uintptr_t serialize) {
    connected_library() = {reinterpret_cast<const void*>(context),
                           to_function<SignatureLibrary::ParseCompact>(parse_compact),
                           to_function<SignatureLibrary::Recover>(recover),
                           to_function<SignatureLibrary::Serialize>(serialize)};
}

nb::tuple recover(const nb::bytes& digests, const nb::bytes& signatures, int threads) {
    const Bytes digest_bytes = view(digests);
    const Bytes signature_bytes = view(signatures);
    const std::size_t count = digest_bytes.size / 32;
    if (digest_bytes.size % 32 != 0 || signature_bytes.size != count * kSignatureSize)
        throw nb::value_error("there must be one signature of 65 bytes per digest of 32");
    const unsigned workers = checked_threads(threads);
    const SignatureLibrary& library = signature_library();
    std::vector<KeyHash> key_hashes(count);
    std::vector<Recovery> statuses(count);
    {
        nb::gil_scoped_release released;
        recover_many(library, engine(), digest_bytes.data, signature_bytes.data, count, workers,
                     key_hashes.data(), statuses.data());
    }
    return nb::make_tuple(to_bytes(key_hashes.data(), count * sizeof(KeyHash)),
                          to_bytes(statuses.data(), count));
}

}  // namespace

const SignatureLibrary& signature_library() {
    if (connected_library().recover == nullptr)
        throw std::runtime_error("connect_signature_library has not been called");
    return connected_library();
}

void bind_signatures(nb::module_& module) {
    module.def("connect_signature_library", connect, nb::arg("context"), nb::arg("parse_compact"),
               nb::arg("recover"), nb::arg("serialize"));
    module.def("recover_many", recover, nb::arg("digests"), nb::arg("signatures"),
               nb::arg("threads") = 2);
}

}  // namespace chaindeck::bindings
