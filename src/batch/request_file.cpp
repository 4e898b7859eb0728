#include "batch/request_file.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace urial::batch {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kFormat = "urial.requests/1";
constexpr std::size_t kBlock = 1u << 20;

/// Every id is a value.
constexpr JsonLimits kManifestLimits = kRecordLimits;

bool is_request_manifest(const ordered_json& manifest) {
    return manifest.is_object() && manifest.value("format", ordered_json()) == kFormat;
}

/// A file of requests is ours if its manifest is; it can be made again, but not what others wrote under its name.
void check_place(const fs::path& requests, const fs::path& manifest, bool overwrite) {
    if (!fs::exists(requests) && !fs::exists(manifest)) return;
    const auto found = fs::exists(manifest) ? try_parse_json(read_file(manifest), kManifestLimits) : std::nullopt;
    if (!found || !is_request_manifest(*found)) {
        throw error(ErrorKind::BadInput,
                    "{} is there and nothing proves that it is a file of requests of urial; name another file, or "
                    "remove it",
                    fs::exists(manifest) ? manifest.string() : requests.string());
    }
    if (overwrite) return;
    throw error(ErrorKind::BadInput, "{} is there; name another file, or --overwrite to write it anew",
                requests.string());
}

/// What the manifest says of each request; empty where it says nothing. Throws Error{BadInput} where it says it of
/// some.
template <typename T>
std::vector<T> of_each(const ordered_json& manifest, const char* key, std::size_t requests) {
    auto all = manifest.value(key, std::vector<T>());
    if (!all.empty() && all.size() != requests) {
        throw error(ErrorKind::BadInput, "\"{}\" has {} entries for {} requests", key, all.size(), requests);
    }
    return all;
}

ordered_json hash_or_null(const std::string& hash) { return hash.empty() ? ordered_json() : ordered_json(hash); }

std::string hash_in(const ordered_json& hash) { return hash.is_null() ? std::string() : hash.get<std::string>(); }

ordered_json to_json(const ScoredNote& note) {
    return {note.item, note.tokens, note.answer_hash, hash_or_null(note.base_hash), hash_or_null(note.aligned_hash)};
}

std::vector<ScoredNote> scored_in(const ordered_json& manifest) {
    std::vector<ScoredNote> scored;
    for (const ordered_json& note : manifest.value("scored", ordered_json::array())) {
        scored.push_back({.item = note.at(0),
                          .tokens = note.at(1),
                          .answer_hash = note.at(2),
                          .base_hash = hash_in(note.at(3)),
                          .aligned_hash = hash_in(note.at(4))});
    }
    return scored;
}

RequestSet set_of(const ordered_json& manifest) {
    const ordered_json& form = manifest.at("answer_form");
    RequestSet set{.kind = manifest.at("kind"),
                   .target = parse_target(manifest.at("target").get<std::string>()),
                   .model = manifest.at("model"),
                   .generator = manifest.at("generator"),
                   .identity = manifest.at("identity"),
                   .answer_form = {form.at("headers"), form.at("fenced"), form.at("stop")},
                   .origin = manifest.at("origin"),
                   .tokenizer = manifest.at("tokenizer"),
                   .custom_ids = manifest.at("custom_ids"),
                   .prompt_hashes = {},
                   .chosen = {},
                   .scored = scored_in(manifest)};
    set.prompt_hashes = of_each<std::string>(manifest, "prompt_ids_sha256", set.custom_ids.size());
    set.chosen = of_each<ordered_json>(manifest, "retrieved", set.custom_ids.size());
    return set;
}

}  // namespace

fs::path requests_manifest_path(const fs::path& requests) {
    fs::path path = requests;
    return path.replace_extension(".manifest.json");
}

fs::path requests_part(const fs::path& requests, const std::string& part) {
    fs::path path = requests;
    return path.replace_filename(requests.stem().string() + "." + part + requests.extension().string());
}

RequestWriter::RequestWriter(fs::path requests, bool overwrite) : path_(std::move(requests)) {
    check_place(path_, requests_manifest_path(path_), overwrite);
    parts_.emplace_back(path_);
}

RequestWriter::RequestWriter(fs::path requests, bool overwrite, const std::vector<std::string>& parts)
    : path_(std::move(requests)) {
    for (const std::string& part : parts) {
        check_place(requests_part(path_, part), requests_manifest_path(path_), overwrite);
    }
    for (const std::string& part : parts) parts_.emplace_back(requests_part(path_, part));
}

void RequestWriter::write(Part& part) {
    bytes_ += part.pending.size();
    part.file.write(std::exchange(part.pending, {}));
}

void RequestWriter::add(const ordered_json& line, RequestNote note, std::size_t part) {
    std::string& pending = parts_.at(part).pending;
    pending += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
    set_.custom_ids.push_back(line.at("custom_id").get<std::string>());
    if (!note.prompt_hash.empty()) set_.prompt_hashes.push_back(std::move(note.prompt_hash));
    if (!note.chosen.is_null()) set_.chosen.push_back(std::move(note.chosen));
    if (pending.size() >= kBlock) write(parts_.at(part));
}

void RequestWriter::commit(RequestSet set) {
    for (Part& part : parts_) write(part);
    ordered_json manifest{{"format", kFormat},
                          {"urial", URIAL_VERSION},
                          {"kind", set.kind},
                          {"target", name(set.target)},
                          {"requests_file", path_.filename().string()},
                          {"model", set.model},
                          {"generator", set.generator},
                          {"identity", std::move(set.identity)}};
    manifest["answer_form"] = {
        {"headers", set.answer_form.headers}, {"fenced", set.answer_form.fenced}, {"stop", set.answer_form.stop}};
    manifest["origin"] = std::move(set.origin);
    manifest["tokenizer"] = std::move(set.tokenizer);
    manifest["custom_ids"] = set_.custom_ids;
    if (!set_.prompt_hashes.empty()) manifest["prompt_ids_sha256"] = set_.prompt_hashes;
    if (!set_.chosen.empty()) manifest["retrieved"] = set_.chosen;
    for (const ScoredNote& note : set.scored) manifest["scored"].push_back(to_json(note));
    const std::string text = manifest.dump(2) + "\n";
    for (Part& part : parts_) part.file.commit();
    write_file_atomic(requests_manifest_path(path_), text);
}

RequestSet read_request_set(const fs::path& requests) {
    const fs::path path = requests_manifest_path(requests);
    const ordered_json manifest = read_json_file(path, kManifestLimits);
    if (!is_request_manifest(manifest)) {
        throw error(ErrorKind::BadInput, "{}: not the manifest of a file of requests (its \"format\" is not {})",
                    path.string(), kFormat);
    }
    try {
        return set_of(manifest);
    } catch (const ordered_json::exception& problem) {
        throw error(ErrorKind::BadInput, "{}: {}", path.string(), printable(problem.what()));
    } catch (const Error& problem) {
        throw error(problem.kind(), "{}: {}", path.string(), problem.what());
    }
}

}  // namespace urial::batch
