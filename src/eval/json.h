#pragma once

// JSON as this part keeps it.

#include <nlohmann/json.hpp>

namespace urial::eval {

/// Keys keep the order of the file: the order of a verdict's aspects is the order in which the judge was asked.
using Json = nlohmann::ordered_json;

}  // namespace urial::eval
