#include "shift/record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "generate/record.h"
#include "shift/original_measures.h"

namespace urial::shift {

std::optional<Token> token_in(const nlohmann::ordered_json& value) {
    if (!value.is_number_integer() || value.get<std::int64_t>() != value.get<Token>()) return std::nullopt;
    return value.get<Token>();
}

namespace {

using nlohmann::ordered_json;

constexpr int kListDigits = 5;  // of log-probabilities in the top-k lists, the bulk of a record
constexpr std::size_t kMostCandidates = 100;
constexpr double kUnbounded = std::numeric_limits<double>::infinity();
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

/// What both kinds of statistics say of one model at one position.
struct SideView {
    std::optional<std::uint32_t> rank;
    double logp, margin;
    Token argmax;
    std::optional<double> entropy;
    std::span<const TopToken> top;
};
SideView view(const SideStats& stats) {
    return {stats.rank, stats.logp, stats.margin, stats.argmax, stats.entropy, stats.top};
}
SideView view(const ListedStats& stats) {
    return {stats.rank, stats.logp, stats.margin(), stats.argmax(), std::nullopt, stats.top};
}

/// One side of a record: ranks, log-probabilities, the most likely tokens.
void add_side(ordered_json& record, const std::string& side, const std::vector<SideView>& positions) {
    ordered_json ranks, logps, entropies, argmaxes, margins;
    for (const SideView& position : positions) {
        ranks.push_back(position.rank ? ordered_json(*position.rank) : ordered_json());
        logps.push_back(rounded(position.logp));
        if (position.entropy) entropies.push_back(rounded(*position.entropy));
        argmaxes.push_back(position.argmax);
        margins.push_back(rounded(position.margin));
    }
    record[side + "_rank"] = std::move(ranks);
    record[side + "_logp"] = std::move(logps);
    if (!entropies.empty()) record[side + "_entropy"] = std::move(entropies);
    record[side + "_argmax"] = std::move(argmaxes);
    record[side + "_margin"] = std::move(margins);
}

void add_top(ordered_json& record, const std::string& name, const std::vector<SideView>& positions, std::size_t top_k,
             std::set<Token>& listed_tokens) {
    ordered_json lists = ordered_json::array();
    for (const SideView& position : positions) {
        ordered_json list = ordered_json::array();
        for (const TopToken& top : position.top) {
            if (list.size() == top_k) break;
            list.push_back(ordered_json::array({top.token, rounded(top.logp, kListDigits)}));
            listed_tokens.insert(top.token);
        }
        lists.push_back(std::move(list));
    }
    record[name] = std::move(lists);
}

/// What is known of both models at every position, and then what `measures` adds.
template <typename Position>
void add_positions(ordered_json& record, const std::vector<Token>& answer, const std::vector<Position>& positions,
                   std::size_t top_k, Pieces& pieces, const std::function<void()>& measures) {
    std::vector<SideView> base, aligned;
    for (const Position& position : positions) {
        base.push_back(view(position.base));
        aligned.push_back(view(position.aligned));
    }
    record["answer_ids"] = answer;
    ordered_json& texts = record["pieces"] = ordered_json::array();
    for (const Token token : answer) texts.push_back(pieces[token]);
    add_side(record, "base", base);
    add_side(record, "aligned", aligned);
    measures();
    std::set<Token> listed_tokens;
    add_top(record, "base_top", base, top_k, listed_tokens);
    add_top(record, "aligned_top", aligned, top_k, listed_tokens);
    ordered_json top_pieces = ordered_json::object();
    for (const Token token : listed_tokens) top_pieces[std::to_string(token)] = pieces[token];
    record["top_pieces"] = std::move(top_pieces);
}

/// One measure of every position.
template <typename Position>
void add_measure(ordered_json& record, const char* name, const std::vector<Position>& positions, const auto& value) {
    ordered_json values;
    for (const Position& position : positions) values.push_back(rounded(value(position)));
    record[name] = std::move(values);
}

/// One record, read with errors that say where it stands and which field is wrong.
class RecordReader {
public:
    RecordReader(const ordered_json& record, std::string_view where, std::size_t length)
        : record_(record), where_(where), length_(length) {}

    [[noreturn]] void fail(std::string_view what) const { refuse(where_, what); }
    [[noreturn]] static void refuse(std::string_view where, std::string_view what) {
        throw error(ErrorKind::BadInput, "{}: {}; is this the records.jsonl of `urial shift`?", where, what);
    }

    /// With one entry a position.
    const ordered_json& list(std::string_view name) const {
        if (!record_.is_object()) fail("not an object of lists");
        const auto found = record_.find(name);
        if (found == record_.end() || !found->is_array()) fail(fmt::format("no list \"{}\"", name));
        if (found->size() != length_) {
            fail(fmt::format("\"{}\" has {} entries for {} tokens", name, found->size(), length_));
        }
        return *found;
    }

    std::vector<std::uint32_t> ranks(std::string_view name, bool may_be_unknown) const {
        std::vector<std::uint32_t> values;
        for (const ordered_json& value : list(name)) {
            if (value.is_null() && may_be_unknown) {
                values.push_back(kUnknownRank);
                continue;
            }
            const bool is_rank = value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 &&
                                 value.get<std::uint64_t>() < kUnknownRank;
            if (!is_rank) fail(fmt::format("\"{}\" holds {}; ranks count from 1", name, value.dump()));
            values.push_back(value.get<std::uint32_t>());
        }
        return values;
    }

    Token token(const ordered_json& value, std::string_view name) const {
        const std::optional<Token> token = token_in(value);
        if (!token) fail(fmt::format("\"{}\" holds {}, which is no token id", name, value.dump()));
        return *token;
    }

    std::vector<Token> tokens(std::string_view name) const {
        std::vector<Token> ids;
        for (const ordered_json& value : list(name)) ids.push_back(token(value, name));
        return ids;
    }

    /// `infinite` is what null stands for.
    double number(const ordered_json& value, std::string_view name, double infinite) const {
        if (!value.is_null() && !value.is_number()) fail(fmt::format("\"{}\" holds {}", name, value.dump()));
        return value.is_null() ? infinite : value.get<double>();
    }

    std::vector<double> numbers(std::string_view name, double infinite = kUnbounded) const {
        std::vector<double> values;
        for (const ordered_json& value : list(name)) values.push_back(number(value, name, infinite));
        return values;
    }

    std::vector<std::string> pieces() const {
        std::vector<std::string> texts;
        for (const ordered_json& piece : list("pieces")) {
            if (!piece.is_string()) fail("\"pieces\" holds something that is no text");
            texts.push_back(piece.get<std::string>());
        }
        return texts;
    }

    std::vector<std::vector<TopToken>> top(std::string_view name) const {
        std::vector<std::vector<TopToken>> lists;
        for (const ordered_json& candidates : list(name)) {
            if (!candidates.is_array() || candidates.size() > kMostCandidates) {
                fail(fmt::format("\"{}\" holds no list of at most {} candidates", name, kMostCandidates));
            }
            std::vector<TopToken>& best = lists.emplace_back();
            for (const ordered_json& pair : candidates) {
                if (!pair.is_array() || pair.size() != 2) fail(fmt::format("\"{}\": expected [id, logp]", name));
                best.push_back({token(pair[0], name), number(pair[1], name, -kUnbounded)});
            }
        }
        return lists;
    }

    std::vector<std::pair<Token, std::string>> top_pieces() const {
        std::vector<std::pair<Token, std::string>> texts;
        const auto found = record_.find("top_pieces");
        if (found == record_.end()) return texts;
        if (!found->is_object()) fail("\"top_pieces\" is no object");
        for (const auto& [id, text] : found->items()) {
            Token token = 0;
            const auto [end, failure] = std::from_chars(id.data(), id.data() + id.size(), token);
            if (failure != std::errc() || end != id.data() + id.size() || token < 0 || !text.is_string()) {
                fail(fmt::format("\"top_pieces\" has an entry \"{}\" that is no token id with its text", id));
            }
            texts.emplace_back(token, text.get<std::string>());
        }
        return texts;
    }

private:
    const ordered_json& record_;
    std::string_view where_;
    std::size_t length_;
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
    if (fresh) place->second = replace_invalid_utf8(piece_(token));
    return place->second;
}

ordered_json rounded(double value, int digits) {
    if (!std::isfinite(value)) return nullptr;
    if (value == 0) return 0.0;
    return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
}

void add_statistics(ordered_json& record, const ScoredAnswer& result, std::size_t top_k, Pieces& pieces) {
    if (!result.listed.empty()) {
        const std::vector<ListedPosition>& listed = result.listed;
        add_positions(record, result.answer, listed, top_k, pieces, [&] {
            add_measure(record, "kl_ab_lower_bound", listed, [](const auto& at) { return at.bounds.kl_ab_lower; });
            add_measure(record, "tv_lower_bound", listed, [](const auto& at) { return at.bounds.tv_lower; });
            add_measure(record, "tv_upper_bound", listed, [](const auto& at) { return at.bounds.tv_upper; });
        });
        return;
    }
    const std::vector<PositionStats>& stats = result.stats;
    add_positions(record, result.answer, stats, top_k, pieces, [&] {
        add_measure(record, "kl_ab", stats, [](const auto& at) { return at.kl_ab; });
        add_measure(record, "kl_ba", stats, [](const auto& at) { return at.kl_ba; });
        add_measure(record, "js", stats, [](const auto& at) { return at.js; });
        add_measure(record, "tv", stats, [](const auto& at) { return at.tv; });
    });
    record["original"] = original_arrays(stats, pieces);
}

ShiftRecord parse_record(const ordered_json& record, std::string_view where) {
    if (!record.is_object() || !record.contains("id")) RecordReader::refuse(where, "not an object with \"id\"");
    const auto ids = record.find("answer_ids");
    if (ids == record.end() || !ids->is_array() || ids->empty()) {
        RecordReader::refuse(where, "no list \"answer_ids\"");
    }
    const RecordReader reader(record, where, ids->size());
    ShiftRecord parsed;
    parsed.id = as_text(record["id"]);
    if (record.contains("instruction") && record["instruction"].is_string()) {
        parsed.instruction = record["instruction"].get<std::string>();
    }
    parsed.answer_ids = reader.tokens("answer_ids");
    parsed.pieces = reader.pieces();
    const bool is_bounded = record.contains("kl_ab_lower_bound");
    parsed.base_rank = reader.ranks("base_rank", is_bounded);
    parsed.aligned_rank = reader.ranks("aligned_rank", is_bounded);
    parsed.base_logp = reader.numbers("base_logp", -kUnbounded);
    parsed.aligned_logp = reader.numbers("aligned_logp", -kUnbounded);
    if (is_bounded) {
        parsed.kl_ab_lower = reader.numbers("kl_ab_lower_bound");
        parsed.tv_lower = reader.numbers("tv_lower_bound");
        parsed.tv_upper = reader.numbers("tv_upper_bound");
    } else {
        parsed.kl_ab = reader.numbers("kl_ab");
        parsed.kl_ba = reader.numbers("kl_ba");
        parsed.js = reader.numbers("js");
        parsed.tv = reader.numbers("tv");
        parsed.base_entropy = reader.numbers("base_entropy");
        parsed.aligned_entropy = reader.numbers("aligned_entropy");
    }
    parsed.base_margin = reader.numbers("base_margin");
    parsed.aligned_margin = reader.numbers("aligned_margin");
    parsed.base_argmax = reader.tokens("base_argmax");
    parsed.aligned_argmax = reader.tokens("aligned_argmax");
    parsed.base_top = reader.top("base_top");
    parsed.aligned_top = reader.top("aligned_top");
    parsed.top_pieces = reader.top_pieces();
    if (const auto original = record.find("original"); original != record.end()) {
        const RecordReader measures(*original, where, ids->size());
        for (const std::string_view name : kOriginalNames) parsed.original.push_back(measures.numbers(name));
    }
    parsed.tags = tags_of(record);
    return parsed;
}

std::size_t for_each_record(const std::filesystem::path& records, const std::function<void(ShiftRecord&&)>& record) {
    generate::SeenRecords seen;
    const std::vector<std::size_t> damaged =
        for_each_written_line(records, [&](std::size_t line, ordered_json&& value) {
            if (generate::is_failure(value) || !seen.add(value)) return;
            record(parse_record(value, fmt::format("{}:{}", records.string(), line)));
        });
    if (!damaged.empty()) {
        throw error(ErrorKind::BadInput, "{}:{}: not a JSON record; run `urial shift` again into this folder",
                    records.string(), damaged.front());
    }
    return seen.repeated();
}

}  // namespace urial::shift
