#pragma once

// Numbers of a table as JSON, which has no NaN: what is not there or is withheld is null.

#include <cmath>
#include <optional>

#include "eval/json.h"
#include "eval/statistics.h"

namespace urial::eval {

inline Json number_json(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }

/// [low, high]
inline Json interval_json(const std::optional<Interval>& value) {
    return value ? Json::array({value->low, value->high}) : Json(nullptr);
}

/// Counts stay where the numbers made of them are withheld.
inline Json shown(Json value, bool withheld) { return withheld ? Json(nullptr) : value; }

}  // namespace urial::eval
