#pragma once

// A record of a shift run, made up without a model, for tests of what reads such records.

#include <nlohmann/json.hpp>

namespace urial::test {

/// Two positions; the second is shifted, and its token is missing from the base model's list.
inline nlohmann::ordered_json shift_record() {
    return {{"id", 7},
            {"instruction", "Why?"},
            {"answer", "Sure thing"},
            {"answer_ids", {10, 11}},
            {"pieces", {"Sure", " thing"}},
            {"base_rank", {1, 70000}},
            {"aligned_rank", {1, 2}},
            {"base_logp", {-0.25, -12.5}},
            {"aligned_logp", {-0.125, -1.5}},
            {"kl_ab", {0.5, 3.25}},
            {"kl_ba", {0.5, 3.5}},
            {"js", {0.125, 0.5}},
            {"tv", {0.25, 0.75}},
            {"base_entropy", {1.5, 2.5}},
            {"aligned_entropy", {0.5, 1.0}},
            {"base_argmax", {10, 12}},
            {"aligned_argmax", {10, 12}},
            {"base_margin", {1.0, 0.5}},
            {"aligned_margin", {2.0, 0.25}},
            {"base_top", nlohmann::ordered_json::parse("[[[10,-0.25],[12,-2]],[[12,-0.5],[13,-1]]]")},
            {"aligned_top", nlohmann::ordered_json::parse("[[[10,-0.125],[13,-3]],[[12,-1],[11,-1.5]]]")},
            {"top_pieces", {{"12", " it"}, {"13", "!"}}},
            {"task", {"reasoning"}}};
}

/// The same as a run with a model on a server leaves it: bounds in the place of what needs the whole distributions, and
/// a rank that nobody knows.
inline nlohmann::ordered_json bounded_record() {
    nlohmann::ordered_json record = shift_record();
    for (const char* name : {"kl_ab", "kl_ba", "js", "tv", "base_entropy", "aligned_entropy"}) record.erase(name);
    record["kl_ab_lower_bound"] = {0.25, 2.75};
    record["tv_lower_bound"] = {0.125, 0.5};
    record["tv_upper_bound"] = {0.375, 1.0};
    record["base_rank"] = {1, nullptr};
    return record;
}

}  // namespace urial::test
