// The special implementations of the compression function and how to ask for them.
//
// Each function returns null where the processor, or the build, has no such instructions.
#pragma once

#include "chaindeck/sha256.h"

namespace chaindeck {

const Sha256Engine* sha256_portable();
const Sha256Engine* sha256_x86();
const Sha256Engine* sha256_arm();

}  // namespace chaindeck
