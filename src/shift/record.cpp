#include "shift/record.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "generate/record.h"
#include "shift/original_measures.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

constexpr int kListDigits = 5;  // of log-probabilities in the top-k lists, the bulk of a record
constexpr std::size_t kNear = 10;
constexpr std::size_t kFar = 50;

std::vector<ListedToken> listed(const SideStats& side, Pieces& pieces) {
    std::vector<ListedToken> list;
    const std::size_t count = std::min(side.top.size(), kOriginalListLength);
    for (std::size_t i = 0; i < count; ++i)
        list.push_back({side.top[i].token, pieces[side.top[i].token], side.top[i].logp});
    return list;
}

ordered_json original_arrays(const std::vector<PositionStats>& stats, Pieces& pieces) {
    ordered_json arrays;
    const auto add = [&](const std::string& name, double value) { arrays[name].push_back(rounded(value)); };
    for (const PositionStats& position : stats) {
        const std::vector<ListedToken> base = listed(position.base, pieces);
        const std::vector<ListedToken> aligned = listed(position.aligned, pieces);
        const OriginalMeasures near = original_measures(base, aligned, kNear);
        const OriginalMeasures far = original_measures(base, aligned, kFar);
        arrays["base_rank10"].push_back(near.base_rank.value_or(kNear));
        arrays["base_rank50"].push_back(far.base_rank.value_or(kFar));
        add("jaccard10", near.jaccard);
        add("jaccard50", far.jaccard);
        add("ndcg", near.ndcg);
        add("ws", near.weighted_sum);
        add("kl_truncated", near.kl);
        add("kl_truncated50", far.kl);
        add("base_prob50", far.base_prob);
    }
    return arrays;
}

void add_side(ordered_json& record, const std::string& side, const std::vector<PositionStats>& stats,
              SideStats PositionStats::*member) {
    ordered_json ranks, logps, entropies, argmaxes, margins;
    for (const PositionStats& position : stats) {
        const SideStats& values = position.*member;
        ranks.push_back(values.rank);
        logps.push_back(rounded(values.logp));
        entropies.push_back(rounded(values.entropy));
        argmaxes.push_back(values.argmax);
        margins.push_back(rounded(values.margin));
    }
    record[side + "_rank"] = std::move(ranks);
    record[side + "_logp"] = std::move(logps);
    record[side + "_entropy"] = std::move(entropies);
    record[side + "_argmax"] = std::move(argmaxes);
    record[side + "_margin"] = std::move(margins);
}

void add_top(ordered_json& record, const std::string& name, const std::vector<PositionStats>& stats,
             SideStats PositionStats::*member, std::size_t top_k, std::set<Token>& listed_tokens) {
    ordered_json lists = ordered_json::array();
    for (const PositionStats& position : stats) {
        ordered_json list = ordered_json::array();
        for (const TopToken& top : (position.*member).top) {
            if (list.size() == top_k) break;
            list.push_back(ordered_json::array({top.token, rounded(top.logp, kListDigits)}));
            listed_tokens.insert(top.token);
        }
        lists.push_back(std::move(list));
    }
    record[name] = std::move(lists);
}

class RecordReader {
public:
    RecordReader(const ordered_json& record, std::string_view where) : record_(record), where_(where) {}

    [[noreturn]] void fail(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}: {}; is this the records.jsonl of `urial shift`?", where_, what);
    }

    const ordered_json& list(std::string_view name, std::size_t length) const {
        if (!record_.is_object()) fail("not an object of lists");
        const auto found = record_.find(name);
        if (found == record_.end() || !found->is_array()) fail(fmt::format("no list \"{}\"", name));
        if (found->size() != length) {
            fail(fmt::format("\"{}\" has {} entries for {} tokens", name, found->size(), length));
        }
        return *found;
    }

    std::vector<std::uint32_t> ranks(const char* name, std::size_t length) const {
        std::vector<std::uint32_t> values;
        for (const ordered_json& value : list(name, length)) {
            if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1) {
                fail(fmt::format("\"{}\" holds {}; ranks count from 1", name, value.dump()));
            }
            values.push_back(value.get<std::uint32_t>());
        }
        return values;
    }

    /// `infinite` is what null stands for.
    std::vector<double> numbers(std::string_view name, std::size_t length, double infinite) const {
        std::vector<double> values;
        for (const ordered_json& value : list(name, length)) {
            if (!value.is_null() && !value.is_number()) fail(fmt::format("\"{}\" holds {}", name, value.dump()));
            values.push_back(value.is_null() ? infinite : value.get<double>());
        }
        return values;
    }

private:
    const ordered_json& record_;
    std::string_view where_;
};

std::string as_text(const ordered_json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::vector<std::string> tags_of(const ordered_json& record) {
    std::vector<std::string> tags;
    for (const char* name : {"task", "topic", "category", "dataset", "difficulty"}) {
        const auto found = record.find(name);
        if (found == record.end() || found->is_null()) continue;
        if (!found->is_array()) {
            tags.push_back(fmt::format("{}: {}", name, as_text(*found)));
            continue;
        }
        for (const ordered_json& tag : *found) tags.push_back(fmt::format("{}: {}", name, as_text(tag)));
    }
    return tags;
}

}  // namespace

const std::string& Pieces::operator[](Token token) {
    const auto [place, fresh] = texts_.try_emplace(token);
    if (fresh) place->second = replace_invalid_utf8(model_.piece(token, /*special=*/true));
    return place->second;
}

ordered_json rounded(double value, int digits) {
    if (!std::isfinite(value)) return nullptr;
    if (value == 0) return 0.0;
    return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
}

void add_statistics(ordered_json& record, const PairResult& result, std::size_t top_k, Pieces& pieces) {
    record["answer_ids"] = result.answer;
    ordered_json& texts = record["pieces"] = ordered_json::array();
    for (const Token token : result.answer) texts.push_back(pieces[token]);
    add_side(record, "base", result.stats, &PositionStats::base);
    add_side(record, "aligned", result.stats, &PositionStats::aligned);
    const auto add = [&](const char* name, double PositionStats::*member) {
        ordered_json values;
        for (const PositionStats& position : result.stats) values.push_back(rounded(position.*member));
        record[name] = std::move(values);
    };
    add("kl_ab", &PositionStats::kl_ab);
    add("kl_ba", &PositionStats::kl_ba);
    add("js", &PositionStats::js);
    add("tv", &PositionStats::tv);
    std::set<Token> listed_tokens;
    add_top(record, "base_top", result.stats, &PositionStats::base, top_k, listed_tokens);
    add_top(record, "aligned_top", result.stats, &PositionStats::aligned, top_k, listed_tokens);
    ordered_json top_pieces = ordered_json::object();
    for (const Token token : listed_tokens) top_pieces[std::to_string(token)] = pieces[token];
    record["top_pieces"] = std::move(top_pieces);
    record["original"] = original_arrays(result.stats, pieces);
}

ShiftRecord parse_record(const ordered_json& record, std::string_view where) {
    const RecordReader reader(record, where);
    if (!record.is_object() || !record.contains("id")) reader.fail("not an object with \"id\"");
    const auto ids = record.find("answer_ids");
    if (ids == record.end() || !ids->is_array() || ids->empty()) reader.fail("no list \"answer_ids\"");
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const std::size_t length = ids->size();
    ShiftRecord parsed;
    parsed.id = as_text(record["id"]);
    if (record.contains("instruction") && record["instruction"].is_string()) {
        parsed.instruction = record["instruction"].get<std::string>();
    }
    for (const ordered_json& id : *ids) {
        if (!id.is_number_integer()) reader.fail("\"answer_ids\" holds something that is no token id");
        parsed.answer_ids.push_back(id.get<Token>());
    }
    for (const ordered_json& piece : reader.list("pieces", length)) {
        if (!piece.is_string()) reader.fail("\"pieces\" holds something that is no text");
        parsed.pieces.push_back(piece.get<std::string>());
    }
    parsed.base_rank = reader.ranks("base_rank", length);
    parsed.aligned_rank = reader.ranks("aligned_rank", length);
    parsed.base_logp = reader.numbers("base_logp", length, -kInfinity);
    parsed.aligned_logp = reader.numbers("aligned_logp", length, -kInfinity);
    parsed.kl_ab = reader.numbers("kl_ab", length, kInfinity);
    parsed.base_margin = reader.numbers("base_margin", length, kInfinity);
    parsed.aligned_margin = reader.numbers("aligned_margin", length, kInfinity);
    if (const auto original = record.find("original"); original != record.end()) {
        const RecordReader measures(*original, where);
        for (const std::string_view name : kOriginalNames)
            parsed.original.push_back(measures.numbers(name, length, kInfinity));
    }
    parsed.tags = tags_of(record);
    return parsed;
}

std::size_t for_each_record(const std::filesystem::path& records, const std::function<void(ShiftRecord&&)>& record) {
    generate::SeenRecords seen;
    for_each_json_line(records, [&](std::size_t line, ordered_json&& value) {
        if (generate::is_failure(value) || !seen.add(value)) return;
        record(parse_record(value, fmt::format("{}:{}", records.string(), line)));
    });
    return seen.repeated();
}

}  // namespace urial::shift
