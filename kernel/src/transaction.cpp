// Every field is checked against what is left before it is read, and every count before anything
// could be allocated for it.
#include "chaindeck/transaction.h"

namespace chaindeck {
namespace {

constexpr std::size_t kMinInputSize = 33;
constexpr std::size_t kMinOutputSize = 2;
constexpr std::size_t kMaxVarintSize = 10;
constexpr std::size_t kKeyHashSize = 20;

class Decoder {
public:
    Decoder(Bytes data, std::size_t at) : data_(data), at_(at) {}

    Failure decode(TransactionLayout& layout) {
        layout.begin = at_;
        layout.signature_count = 0;
        if (version() && skip(8) && inputs(layout) && outputs(layout)) signatures(layout);
        layout.end = at_;
        return failure_;
    }

private:
    bool fail(Malformed code, std::size_t offset) {
        failure_ = {code, offset};
        return false;
    }

    std::size_t left() const { return data_.size - at_; }

    bool skip(std::size_t size) {
        if (left() < size) return fail(Malformed::truncated, at_);
        at_ += size;
        return true;
    }

    bool version() {
        if (!skip(1)) return false;
        return data_.data[at_ - 1] == 1 || fail(Malformed::version, at_ - 1);
    }

    bool varint(std::uint64_t& value) {
        const std::size_t start = at_;
        value = 0;
        for (std::size_t i = 0; i < kMaxVarintSize; ++i) {
            if (left() == 0) return fail(Malformed::truncated, start);
            const std::uint8_t byte = data_.data[at_++];
            // The tenth byte carries only the 64th bit.
            if (i == kMaxVarintSize - 1 && byte > 1) break;
            value |= std::uint64_t{byte & 0x7fu} << (7 * i);
            if ((byte & 0x80u) == 0) {
                if (byte == 0 && i > 0) break;
                return true;
            }
        }
        return fail(Malformed::varint, start);
    }

    bool count(std::size_t element_size, std::size_t& value) {
        const std::size_t start = at_;
        std::uint64_t wide = 0;
        if (!varint(wide)) return false;
        if (wide > left() / element_size) return fail(Malformed::count, start);
        value = static_cast<std::size_t>(wide);
        return true;
    }

    bool inputs(TransactionLayout& layout) {
        if (!count(kMinInputSize, layout.input_count)) return false;
        layout.inputs = at_;
        for (std::size_t i = 0; i < layout.input_count; ++i) {
            if (!skip(32)) return false;
            const std::size_t start = at_;
            std::uint64_t output_index = 0;
            if (!varint(output_index)) return false;
            if (output_index > UINT32_MAX) return fail(Malformed::index_range, start);
        }
        return true;
    }

    bool outputs(TransactionLayout& layout) {
        if (!count(kMinOutputSize, layout.output_count)) return false;
        layout.outputs = at_;
        for (std::size_t i = 0; i < layout.output_count; ++i)
            if (!output()) return false;
        layout.body_end = at_;
        return true;
    }

    bool output() {
        if (!skip(1)) return false;
        std::uint64_t number = 0;
        switch (data_.data[at_ - 1]) {
            case 0:
                return skip(kKeyHashSize) && varint(number);
            case 1: {
                const std::size_t start = at_;
                if (!varint(number)) return false;
                if (number > kMaxDataOutput) return fail(Malformed::data_length, start);
                return skip(static_cast<std::size_t>(number));
            }
            default:
                return fail(Malformed::output_kind, at_ - 1);
        }
    }

    bool signature(TransactionLayout& layout) {
        if (!skip(1)) return false;
        const std::uint8_t length = data_.data[at_ - 1];
        if (length == 0) return true;
        if (length != kSignatureLength) return fail(Malformed::signature_length, at_ - 1);
        ++layout.signature_count;
        return skip(kSignatureLength);
    }

    bool signatures(TransactionLayout& layout) {
        if (!signature(layout)) return false;
        layout.input_signatures = at_;
        for (std::size_t i = 0; i < layout.input_count; ++i)
            if (!signature(layout)) return false;
        return true;
    }

    Bytes data_;
    std::size_t at_;
    Failure failure_;
};

std::uint64_t read_varint(const std::uint8_t*& at) {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        const std::uint8_t byte = *at++;
        value |= std::uint64_t{byte & 0x7fu} << shift;
        if ((byte & 0x80u) == 0) return value;
    }
}

}  // namespace

Failure parse_transaction(Bytes data, std::size_t offset, TransactionLayout& layout) {
    if (offset > data.size) return {Malformed::truncated, offset};
    return Decoder(data, offset).decode(layout);
}

Input read_input(const std::uint8_t*& at) {
    const std::uint8_t* txid = at;
    at += 32;
    return {txid, static_cast<std::uint32_t>(read_varint(at))};
}

Output read_output(const std::uint8_t*& at) {
    const bool is_payment = *at++ == 0;
    const std::size_t size = is_payment ? kKeyHashSize : static_cast<std::size_t>(read_varint(at));
    const Bytes content{at, size};
    at += size;
    return {is_payment, content, is_payment ? read_varint(at) : 0};
}

Bytes read_signature(const std::uint8_t*& at) {
    const std::size_t size = *at++;
    const Bytes signature{at, size};
    at += size;
    return signature;
}

}  // namespace chaindeck
