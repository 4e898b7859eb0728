#pragma once

// A file of requests and the manifest beside it, which says what they are and what is needed to read their results:
// docs/batch.md describes both. Values and functions.

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "batch/requests.h"
#include "prompt/prompt.h"

namespace urial::batch {

/// Of an answer whose tokens are to be scored under both models of a pair.
struct ScoredNote {
    std::string item;          ///< the id of the item
    std::size_t tokens = 0;    ///< of the answer, which end the text of both requests
    std::string answer_hash;   ///< hash_of_ids() of these
    std::string base_hash;     ///< of the prompt's and the answer's together; empty: the prompt's are not known
    std::string aligned_hash;  ///< likewise
};

/// The manifest.
struct RequestSet {
    std::string kind;  ///< "generate", "judge", "shift"
    Target target = Target::Vllm;
    std::string model;                           ///< as the engine names it
    std::string generator;                       ///< who answers, in records
    nlohmann::ordered_json identity;             ///< of the run that the results belong to
    prompt::AnswerForm answer_form;              ///< how an answer ends
    nlohmann::ordered_json origin;               ///< input, hash, limit and shard, as a live run's manifest has them
    nlohmann::ordered_json tokenizer;            ///< whose ids were hashed; null where none were
    std::vector<std::string> custom_ids;         ///< of the requests, in their order
    std::vector<std::string> prompt_hashes;      ///< hash_of_ids() of their prompts; empty without a tokenizer
    std::vector<nlohmann::ordered_json> chosen;  ///< PromptSource::retrieved() of each; empty where there is none
    std::vector<ScoredNote> scored;              ///< of requests of "shift": one an answer, which has two requests
};

/// One of several files that have one manifest: "requests.jsonl" -> "requests.base.jsonl".
std::filesystem::path requests_part(const std::filesystem::path& requests, const std::string& part);
/// Where the manifest of a file of requests lies: "requests.jsonl" -> "requests.manifest.json".
std::filesystem::path requests_manifest_path(const std::filesystem::path& requests);

/// What the manifest says of one request.
struct RequestNote {
    std::string prompt_hash;                  ///< empty without a tokenizer
    nlohmann::ordered_json chosen = nullptr;  ///< PromptSource::retrieved()
};

/// Writes both files; each replaces its predecessor as a whole. Throws Error{BadInput} where the place is taken by
/// what is not ours and `overwrite` is off.
class RequestWriter {
public:
    RequestWriter(std::filesystem::path requests, bool overwrite);
    /// Writes the `parts` of `requests` instead of that file.
    RequestWriter(std::filesystem::path requests, bool overwrite, const std::vector<std::string>& parts);
    /// `line` as request_line() gives it. `part`: the index of one of the parts.
    void add(const nlohmann::ordered_json& line, RequestNote note = {}, std::size_t part = 0);
    std::size_t size() const { return set_.custom_ids.size(); }
    std::uint64_t bytes() const { return bytes_; }
    /// Until here nothing has changed. What `set` says of each request is what was added.
    void commit(RequestSet set);

private:
    struct Part {
        explicit Part(std::filesystem::path path) : file(std::move(path)) {}
        AtomicFile file;
        std::string pending;
    };
    void write(Part& part);

    std::filesystem::path path_;
    std::deque<Part> parts_;
    std::uint64_t bytes_ = 0;
    RequestSet set_;  // what was added
};

/// Reads the manifest of a file of requests. The file itself need not be there any more. Throws
/// Error{NotFound|BadInput}.
RequestSet read_request_set(const std::filesystem::path& requests);

}  // namespace urial::batch
