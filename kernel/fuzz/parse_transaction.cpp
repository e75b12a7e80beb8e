// libFuzzer: bytes that decode as a transaction encode again to the same bytes.
#include "../tests/support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace chaindeck;
    TransactionLayout layout;
    const Failure failure = parse_transaction({data, size}, 0, layout);
    if (failure) {
        CHECK(failure.offset <= size);
        return 0;
    }
    const testing::Buffer again = testing::encode_again({data, size}, layout);
    CHECK(again.size() == layout.end && layout.end <= size);
    CHECK(std::equal(again.begin(), again.end(), data));
    return 0;
}
