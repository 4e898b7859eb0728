#include "report/shift_run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "generate/record.h"

namespace urial::report {
namespace {

using nlohmann::ordered_json;

constexpr std::uint32_t kMostCandidates = 100;

std::uint16_t packed_logprob(double logprob_nats) {
    if (!(logprob_nats > -63.0)) return TopLists::kAbsent - 1;
    return static_cast<std::uint16_t>(std::lround(-std::min(logprob_nats, 0.0) * 1024));
}

/// One record, read with errors that say where it stands and which field is wrong.
class RecordReader {
public:
    RecordReader(const ordered_json& record, std::string where) : record_(record), where_(std::move(where)) {}

    [[noreturn]] void fail(std::string_view what) const {
        throw error(ErrorKind::BadInput, "{}: {}; is this the records.jsonl of `urial shift`?", where_, what);
    }

    const ordered_json& array(const char* name, std::size_t length) const {
        const auto found = record_.find(name);
        if (found == record_.end() || !found->is_array()) fail(fmt::format("no list \"{}\"", name));
        if (found->size() != length) {
            fail(fmt::format("\"{}\" has {} entries for {} tokens", name, found->size(), length));
        }
        return *found;
    }

    std::int64_t integer(const ordered_json& value, const char* name) const {
        if (!value.is_number_integer()) fail(fmt::format("\"{}\" holds {}, not a whole number", name, value.dump()));
        return value.get<std::int64_t>();
    }

    std::uint32_t rank(const ordered_json& value, const char* name) const {
        const std::int64_t number = integer(value, name);
        if (number < 1 || number > std::numeric_limits<std::uint32_t>::max()) {
            fail(fmt::format("\"{}\" holds {}; ranks count from 1", name, number));
        }
        return static_cast<std::uint32_t>(number);
    }

    /// JSON has no infinities and no NaN: null stands for a number that is not finite.
    float number(const ordered_json& value, const char* name) const {
        if (value.is_null()) return std::numeric_limits<float>::quiet_NaN();
        if (!value.is_number()) fail(fmt::format("\"{}\" holds {}, not a number", name, value.dump()));
        return value.get<float>();
    }

    const ordered_json& record() const { return record_; }

private:
    const ordered_json& record_;
    std::string where_;
};

std::string plain_text(const ordered_json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<std::string> tags_of(const ordered_json& record) {
    std::vector<std::string> tags;
    for (const std::string name : {"task", "topic", "category", "dataset", "difficulty"}) {
        const auto found = record.find(name);
        if (found == record.end() || found->is_null()) continue;
        const auto add = [&](const ordered_json& value) { tags.push_back(name + ": " + plain_text(value)); };
        if (found->is_array()) {
            std::for_each(found->begin(), found->end(), add);
        } else {
            add(*found);
        }
    }
    return tags;
}

void name_tokens(ShiftRun& run, const RecordReader& reader) {
    const auto found = reader.record().find("top_pieces");
    if (found == reader.record().end()) return;
    if (!found->is_object()) reader.fail("\"top_pieces\" is no object");
    for (const auto& [id, text] : found->items()) {
        if (id.empty() || id.size() > 10 || id.find_first_not_of("0123456789") != std::string::npos ||
            !text.is_string()) {
            reader.fail(fmt::format("\"top_pieces\" has an entry \"{}\" that is no token id with its text", id));
        }
        run.tokens.index_of(std::stoll(id), text.get<std::string>());
    }
}

void add_top(ShiftRun& run, TopLists& lists, const RecordReader& reader, const char* name, std::size_t length) {
    for (const ordered_json& candidates : reader.array(name, length)) {
        if (!candidates.is_array() || candidates.size() > kMostCandidates) {
            reader.fail(fmt::format("\"{}\" holds no list of at most {} candidates", name, kMostCandidates));
        }
        if (run.top_k == 0) run.top_k = static_cast<std::uint32_t>(std::max<std::size_t>(1, candidates.size()));
        for (std::size_t i = 0; i < run.top_k; ++i) {
            if (i >= candidates.size()) {
                lists.tokens.push_back(0);
                lists.logprobs.push_back(TopLists::kAbsent);
                continue;
            }
            const ordered_json& pair = candidates[i];
            if (!pair.is_array() || pair.size() != 2) reader.fail(fmt::format("\"{}\": expected [id, logp]", name));
            lists.tokens.push_back(run.tokens.index_of(reader.integer(pair[0], name)));
            lists.logprobs.push_back(packed_logprob(reader.number(pair[1], name)));
        }
    }
}

void add_record(ShiftRun& run, const RecordReader& reader) {
    const ordered_json& record = reader.record();
    if (!record.is_object()) reader.fail("not an object");
    if (!record.contains("id")) reader.fail("no \"id\"");
    const auto ids = record.find("answer_ids");
    if (ids == record.end() || !ids->is_array()) reader.fail("no list \"answer_ids\"");
    const std::size_t length = ids->size();

    const ordered_json& pieces = reader.array("pieces", length);
    for (std::size_t i = 0; i < length; ++i) {
        if (!pieces[i].is_string()) reader.fail("\"pieces\" holds something that is no text");
        run.token.push_back(
            run.tokens.index_of(reader.integer((*ids)[i], "answer_ids"), pieces[i].get_ref<const std::string&>()));
    }
    name_tokens(run, reader);
    const auto add_tokens = [&](std::vector<std::uint32_t>& column, const char* name) {
        for (const auto& id : reader.array(name, length))
            column.push_back(run.tokens.index_of(reader.integer(id, name)));
    };
    add_tokens(run.base_argmax, "base_argmax");
    add_tokens(run.aligned_argmax, "aligned_argmax");
    for (const auto& rank : reader.array("base_rank", length)) run.base_rank.push_back(reader.rank(rank, "base_rank"));
    for (const auto& rank : reader.array("aligned_rank", length)) {
        run.aligned_rank.push_back(reader.rank(rank, "aligned_rank"));
    }
    for (std::size_t i = 0; i < std::size(kMeasures); ++i) {
        for (const auto& value : reader.array(kMeasures[i], length)) {
            run.measures[i].push_back(reader.number(value, kMeasures[i]));
        }
    }
    add_top(run, run.base_top, reader, "base_top", length);
    add_top(run, run.aligned_top, reader, "aligned_top", length);
    run.answers.push_back({plain_text(record["id"]), record.value("instruction", ""), tags_of(record),
                           static_cast<std::uint32_t>(length)});
    run.positions += length;
}

/// The records file without the bytes behind its last line end: they are half a record.
void for_each_record(const fs::path& path, const std::function<void(std::size_t, const ordered_json&)>& record) {
    std::string rest;
    std::size_t number = 0;
    for_each_block(path, [&](std::string_view block) {
        std::size_t start = 0;
        for (std::size_t end; (end = block.find('\n', start)) != std::string_view::npos; start = end + 1) {
            rest.append(block.substr(start, end - start));
            ++number;
            if (trim(rest).empty()) {
                rest.clear();
                continue;
            }
            const std::optional<ordered_json> value = try_parse_json(rest, kRecordLimits);
            if (!value) {
                throw error(ErrorKind::BadInput, "{}:{}: not a JSON record; run `urial shift` again into this folder",
                            path.string(), number);
            }
            record(number, *value);
            rest.clear();
        }
        rest.append(block.substr(start));
        if (rest.size() > kRecordLimits.bytes) {
            throw error(ErrorKind::BadInput, "{}:{}: a line longer than a record can be", path.string(), number + 1);
        }
    });
}

}  // namespace

std::uint32_t TokenTable::add(std::int64_t id) {
    const auto [place, fresh] = indices_.try_emplace(id, static_cast<std::uint32_t>(ids_.size()));
    if (fresh) {
        ids_.push_back(id);
        texts_.push_back(fmt::format("[{}]", id));
        named_.push_back(false);
    }
    return place->second;
}

std::uint32_t TokenTable::index_of(std::int64_t id) { return add(id); }

std::uint32_t TokenTable::index_of(std::int64_t id, const std::string& text) {
    const std::uint32_t index = add(id);
    if (!named_[index]) {
        texts_[index] = text;
        named_[index] = true;
    }
    return index;
}

ShiftRun read_shift_run(const fs::path& folder) {
    ShiftRun run;
    const fs::path manifest = folder / "manifest.json";
    run.manifest = read_json_file(manifest);
    if (!run.manifest.is_object()) throw error(ErrorKind::BadInput, "{}: not a JSON object", manifest.string());
    const fs::path records = folder / "records.jsonl";
    generate::SeenRecords seen;
    for_each_record(records, [&](std::size_t line, const ordered_json& record) {
        if (generate::is_failure(record) || !seen.add(record)) return;
        add_record(run, RecordReader(record, fmt::format("{}:{}", records.string(), line)));
    });
    run.repeated = seen.repeated();
    if (run.positions == 0) {
        throw error(ErrorKind::BadInput, "{}: no analysed answer in it; let `urial shift` finish at least one",
                    records.string());
    }
    return run;
}

}  // namespace urial::report
