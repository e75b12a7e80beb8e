// Views and byte orders: the only vocabulary the kernel's functions share.
//
// A `Bytes` borrows memory and never owns it; whoever calls keeps the memory alive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace chaindeck {

using Hash = std::array<std::uint8_t, 32>;
using KeyHash = std::array<std::uint8_t, 20>;

struct Bytes {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
};

inline Bytes view(const Hash& hash) { return {hash.data(), hash.size()}; }

inline std::uint32_t load_be32(const std::uint8_t* from) {
    return (std::uint32_t{from[0]} << 24) | (std::uint32_t{from[1]} << 16) |
           (std::uint32_t{from[2]} << 8) | std::uint32_t{from[3]};
}

inline void store_be32(std::uint8_t* to, std::uint32_t value) {
    to[0] = static_cast<std::uint8_t>(value >> 24);
    to[1] = static_cast<std::uint8_t>(value >> 16);
    to[2] = static_cast<std::uint8_t>(value >> 8);
    to[3] = static_cast<std::uint8_t>(value);
}

inline std::uint64_t load_be64(const std::uint8_t* from) {
    return (std::uint64_t{load_be32(from)} << 32) | load_be32(from + 4);
}

inline void store_be64(std::uint8_t* to, std::uint64_t value) {
    store_be32(to, static_cast<std::uint32_t>(value >> 32));
    store_be32(to + 4, static_cast<std::uint32_t>(value));
}

inline std::uint64_t load_le(const std::uint8_t* from, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{from[i]} << (8 * i);
    return value;
}

inline void store_le(std::uint8_t* to, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace chaindeck
