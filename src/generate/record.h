#pragma once

// What the records of all runs have in common (docs/file-formats.md): which fields of the input they carry over, what
// a record without an answer looks like, who answered, and that one that stands twice counts once. Pure.

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine.h"
#include "prompt/prompt.h"

namespace urial::generate {

/// Who answered, for people and tables: "gemma-3-270m+urial", with adapters "gemma-3-270m+chat-lora:0.5+urial", with a
/// prompt that is not built in "gemma-3-270m+mine@1a2b3c4d", the hash of its specification. `form` stands in the place
/// of the prompt where a chat template is used.
std::string generator_name(const engine::ModelInfo& model, const prompt::PromptSpec& prompt);
std::string generator_name(const engine::ModelInfo& model, bool use_adapters, std::string_view form);
/// The prompt's part of it.
std::string prompt_label(const prompt::PromptSpec& prompt);

using FieldNames = std::set<std::string, std::less<>>;

/// Puts the fields of an input object into its record: those that the record has not, and whose names are not
/// `reserved`. A reserved name means what the record's writer says, or nothing: an input's own field of that name
/// would be read as his.
void carry_over(nlohmann::ordered_json& record, const nlohmann::ordered_json& fields, const FieldNames& reserved);

/// Of the reserved names those that an input object has, sorted. Empty for what is no object.
std::vector<std::string> reserved_fields(const nlohmann::ordered_json& fields, const FieldNames& reserved);

/// True where the input object names its item; its position stands for a missing or null id.
bool has_id(const nlohmann::ordered_json& fields);

/// True for a record that says why there is no answer: `error`, and nothing in `output`, `outputs`, `answer` or
/// `answer_ids`.
bool is_failure(const nlohmann::ordered_json& record);

/// What the record was made from, in short; nothing where it does not say.
std::optional<std::string> record_key(const nlohmann::ordered_json& record);

/// Tells records that stand more than once (files put together, copies) by their `key`. Those without one are all
/// different. A value; not thread-safe.
class SeenRecords {
public:
    /// False where a record with this key was added before; it is counted.
    bool add(const std::optional<std::string>& key);
    std::size_t repeated() const { return repeated_; }

private:
    std::set<std::string> keys_;
    std::size_t repeated_ = 0;
};

/// What an earlier run left in its records file, as the run that goes on sees it.
class EarlierRecords {
public:
    /// `file`: of the records, for errors. `wanted`: the keys of this run's records. `positions`: ids of its items that
    /// have none of their own.
    EarlierRecords(std::string file, std::set<std::string> wanted, std::set<std::string> positions)
        : file_(std::move(file)), wanted_(std::move(wanted)), positions_(std::move(positions)) {}

    /// False for a failure, which is to be tried again. Throws Error{BadInput} for the record of something else under
    /// an id that is a position: the input was reordered or changed since, and one id would stand for two questions.
    bool add(const nlohmann::ordered_json& record);

    bool has(const std::string& key) const { return done_.contains(key); }
    /// Records of other items, which stay.
    std::size_t others() const { return others_; }
    /// Sentences about what is not plainly continued: repeated records, those of other generators.
    /// `generator` is who answers now; empty: does not matter.
    std::vector<std::string> notices(const std::string& generator) const;

private:
    std::string file_;
    std::set<std::string> wanted_;
    std::set<std::string> positions_;
    std::set<std::string> done_;
    std::set<std::string> generators_;
    SeenRecords seen_;
    std::size_t others_ = 0;
};

}  // namespace urial::generate
