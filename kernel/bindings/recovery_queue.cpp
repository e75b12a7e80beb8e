// RecoveryQueue: its thread touches no Python object and wakes its owner through a file descriptor.
#include "chaindeck/recovery_queue.h"

#include <memory>

#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

#include "support.h"

namespace chaindeck::bindings {
namespace {

// Eight bytes, as an eventfd takes them. A full pipe holds a wake-up already, so failing is fine.
void write_wake_up(int descriptor) {
    const std::uint64_t one = 1;
#ifdef _WIN32
    [[maybe_unused]] const int written = _write(descriptor, &one, sizeof one);
#else
    [[maybe_unused]] const ssize_t written = write(descriptor, &one, sizeof one);
#endif
}

std::vector<std::uint8_t> copy(Bytes data) { return {data.data, data.data + data.size}; }

std::unique_ptr<RecoveryQueue> make_queue(int wake_descriptor) {
    return std::make_unique<RecoveryQueue>(signature_library(), engine(),
                                           [=] { write_wake_up(wake_descriptor); });
}

class Queue {
public:
    explicit Queue(int wake_descriptor) : queue_(make_queue(wake_descriptor)) {}

    void submit(std::uint64_t ticket, const nb::bytes& digests, const nb::bytes& signatures) {
        const Bytes digest_bytes = view(digests);
        const Bytes signature_bytes = view(signatures);
        if (digest_bytes.size % 32 != 0 ||
            signature_bytes.size != digest_bytes.size / 32 * kSignatureSize)
            throw nb::value_error("there must be one signature of 65 bytes per digest of 32");
        open().submit({ticket, copy(digest_bytes), copy(signature_bytes)});
    }

    nb::list take() {
        nb::list list;
        for (const RecoveryQueue::Answer& answer : open().take())
            list.append(nb::make_tuple(
                answer.ticket,
                to_bytes(answer.key_hashes.data(), answer.key_hashes.size() * sizeof(KeyHash)),
                to_bytes(answer.statuses.data(), answer.statuses.size())));
        return list;
    }

    void close() {
        std::unique_ptr<RecoveryQueue> closing = std::move(queue_);
        nb::gil_scoped_release released;
        closing.reset();
    }

private:
    RecoveryQueue& open() {
        if (!queue_) throw std::runtime_error("the queue is closed");
        return *queue_;
    }

    std::unique_ptr<RecoveryQueue> queue_;
};

}  // namespace

void bind_recovery_queue(nb::module_& module) {
    nb::class_<Queue>(module, "RecoveryQueue")
        .def(nb::init<int>(), nb::arg("wake_descriptor"))
        .def("submit", &Queue::submit, nb::arg("ticket"), nb::arg("digests"),
             nb::arg("signatures"))
        .def("take", &Queue::take)
        .def("close", &Queue::close);
}

}  // namespace chaindeck::bindings
