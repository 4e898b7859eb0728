#include "shift/record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <set>
#include <span>

#include <simdjson.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "generate/record.h"
#include "shift/original_measures.h"

namespace urial::shift {

std::optional<Token> token_in(const nlohmann::ordered_json& value) {
    if (!value.is_number_integer() || value.get<std::int64_t>() != value.get<Token>()) return std::nullopt;
    return value.get<Token>();
}

namespace {

namespace dom = simdjson::dom;
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
    RecordReader(dom::element record, std::string_view where) : where_(where) {
        if (record.get(record_) != simdjson::SUCCESS) fail("not an object");
    }

    [[noreturn]] void fail(std::string_view what) const { refuse(where_, what); }
    [[noreturn]] static void refuse(std::string_view where, std::string_view what) {
        throw error(ErrorKind::BadInput, "{}: {}; is this the records.jsonl of `urial shift`?", where, what);
    }

    std::optional<dom::element> field(std::string_view name) const {
        dom::element value;
        return record_.at_key(name).get(value) == simdjson::SUCCESS ? std::optional(value) : std::nullopt;
    }

    /// From now on lists have one entry a position.
    void set_length(std::size_t length) { length_ = length; }

    dom::array list(std::string_view name) const {
        dom::array values;
        if (record_.at_key(name).get(values) != simdjson::SUCCESS) fail(fmt::format("no list \"{}\"", name));
        if (length_ && values.size() != *length_) {
            fail(fmt::format("\"{}\" has {} entries for {} tokens", name, values.size(), *length_));
        }
        return values;
    }

    std::vector<std::uint32_t> ranks(std::string_view name, bool may_be_unknown) const {
        std::vector<std::uint32_t> values;
        for (const dom::element value : list(name)) {
            std::uint64_t rank = 0;
            if (value.is_null() && may_be_unknown) {
                rank = kUnknownRank;
            } else if (value.get(rank) != simdjson::SUCCESS || rank < 1 || rank >= kUnknownRank) {
                fail(fmt::format("\"{}\" holds {}; ranks count from 1", name, as_json(value)));
            }
            values.push_back(static_cast<std::uint32_t>(rank));
        }
        return values;
    }

    Token token(dom::element value, std::string_view name) const {
        std::int64_t token = 0;
        if (value.get(token) != simdjson::SUCCESS || token != static_cast<Token>(token)) {
            fail(fmt::format("\"{}\" holds {}, which is no token id", name, as_json(value)));
        }
        return static_cast<Token>(token);
    }

    std::vector<Token> tokens(std::string_view name) const {
        std::vector<Token> ids;
        for (const dom::element value : list(name)) ids.push_back(token(value, name));
        return ids;
    }

    /// `infinite` is what null stands for.
    double number(dom::element value, std::string_view name, double infinite) const {
        if (value.is_null()) return infinite;
        double number = 0;
        if (value.get(number) != simdjson::SUCCESS) fail(fmt::format("\"{}\" holds {}", name, as_json(value)));
        return number;
    }

    std::vector<double> numbers(std::string_view name, double infinite = kUnbounded) const {
        std::vector<double> values;
        for (const dom::element value : list(name)) values.push_back(number(value, name, infinite));
        return values;
    }

    std::vector<std::string> pieces() const {
        std::vector<std::string> texts;
        for (const dom::element piece : list("pieces")) {
            std::string_view text;
            if (piece.get(text) != simdjson::SUCCESS) fail("\"pieces\" holds something that is no text");
            texts.emplace_back(text);
        }
        return texts;
    }

    std::vector<std::vector<TopToken>> top(std::string_view name) const {
        std::vector<std::vector<TopToken>> lists;
        for (const dom::element value : list(name)) {
            dom::array candidates;
            if (value.get(candidates) != simdjson::SUCCESS || candidates.size() > kMostCandidates) {
                fail(fmt::format("\"{}\" holds no list of at most {} candidates", name, kMostCandidates));
            }
            std::vector<TopToken>& best = lists.emplace_back();
            best.reserve(candidates.size());
            for (const dom::element candidate : candidates) {
                dom::array pair;
                if (candidate.get(pair) != simdjson::SUCCESS || pair.size() != 2) {
                    fail(fmt::format("\"{}\": expected [id, logp]", name));
                }
                auto part = pair.begin();
                const Token id = token(*part, name);
                best.push_back({id, number(*++part, name, -kUnbounded)});
            }
        }
        return lists;
    }

    std::vector<std::pair<Token, std::string>> top_pieces() const {
        std::vector<std::pair<Token, std::string>> texts;
        const std::optional<dom::element> found = field("top_pieces");
        if (!found) return texts;
        dom::object pieces;
        if (found->get(pieces) != simdjson::SUCCESS) fail("\"top_pieces\" is no object");
        for (const auto& [id, value] : pieces) {
            Token token = 0;
            std::string_view text;
            const auto [end, failure] = std::from_chars(id.data(), id.data() + id.size(), token);
            if (failure != std::errc() || end != id.data() + id.size() || token < 0 ||
                value.get(text) != simdjson::SUCCESS) {
                fail(fmt::format("\"top_pieces\" has an entry \"{}\" that is no token id with its text", id));
            }
            texts.emplace_back(token, text);
        }
        return texts;
    }

private:
    static std::string as_json(dom::element value) { return simdjson::minify(value); }

    dom::object record_;
    std::string_view where_;
    std::optional<std::size_t> length_;
};

/// A text as it is, anything else as JSON.
std::string as_text(dom::element value) {
    std::string_view text;
    return value.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(value);
}

std::vector<std::string> tags_of(const RecordReader& record) {
    std::vector<std::string> tags;
    for (const char* name : {"task", "topic", "category", "dataset", "difficulty"}) {
        const std::optional<dom::element> found = record.field(name);
        if (!found || found->is_null()) continue;
        dom::array several;
        if (found->get(several) != simdjson::SUCCESS) {
            tags.push_back(fmt::format("{}: {}", name, as_text(*found)));
            continue;
        }
        for (const dom::element tag : several) tags.push_back(fmt::format("{}: {}", name, as_text(tag)));
    }
    return tags;
}

/// Belongs to the parser. What our own reader takes and simdjson does not (half a surrogate pair) is written anew.
std::optional<dom::element> parse(dom::parser& parser, std::string_view json) {
    dom::element value;
    if (parser.parse(json.data(), json.size()).get(value) == simdjson::SUCCESS) return value;
    const std::optional<ordered_json> repaired = try_parse_json(json, kRecordLimits);
    if (!repaired || parser.parse(repaired->dump()).get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

ShiftRecord read_record(dom::element record, std::string_view where) {
    RecordReader reader(record, where);
    ShiftRecord parsed;
    const std::optional<dom::element> id = reader.field("id");
    if (!id) reader.fail("not an object with \"id\"");
    parsed.id = as_text(*id);
    std::string_view instruction;
    if (const auto found = reader.field("instruction"); found && found->get(instruction) == simdjson::SUCCESS) {
        parsed.instruction = instruction;
    }
    parsed.answer_ids = reader.tokens("answer_ids");
    if (parsed.answer_ids.empty()) reader.fail("no token in \"answer_ids\"");
    reader.set_length(parsed.answer_ids.size());
    parsed.pieces = reader.pieces();
    const bool is_bounded = reader.field("kl_ab_lower_bound").has_value();
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
    if (const std::optional<dom::element> original = reader.field("original")) {
        RecordReader measures(*original, where);
        measures.set_length(parsed.answer_ids.size());
        for (const std::string_view name : kOriginalNames) parsed.original.push_back(measures.numbers(name));
    }
    parsed.tags = tags_of(reader);
    return parsed;
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

ShiftRecord parse_record(std::string_view json, std::string_view where) {
    dom::parser parser;
    const std::optional<dom::element> record = parse(parser, json);
    if (!record) RecordReader::refuse(where, "not JSON");
    return read_record(*record, where);
}

std::size_t for_each_record(const std::filesystem::path& records, const std::function<void(ShiftRecord&&)>& take) {
    generate::SeenRecords seen;
    for_each_line_parallel(records, [&](std::size_t number, std::string_view line) -> std::function<void()> {
        const std::string where = fmt::format("{}:{}", records.string(), number);
        dom::parser parser;
        const std::optional<dom::element> value = parse(parser, line);
        if (!value) {
            throw error(ErrorKind::BadInput, "{}: not a JSON record; run `urial shift` again into this folder", where);
        }
        const RecordReader reader(*value, where);
        if (reader.field("error") && generate::is_failure(parse_json(line, kRecordLimits))) return {};
        std::optional<std::string> key;
        std::string_view text;
        if (const auto found = reader.field("key"); found && found->get(text) == simdjson::SUCCESS) key = text;
        return [&, key, record = std::make_shared<ShiftRecord>(read_record(*value, where))] {
            if (seen.add(key)) take(std::move(*record));
        };
    });
    return seen.repeated();
}

}  // namespace urial::shift
