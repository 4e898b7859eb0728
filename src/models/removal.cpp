// `urial models rm`: what belongs to a model in the two caches, and its removal.

#include <algorithm>

#include "base/error.h"
#include "models/cache.h"
#include "models/download.h"
#include "models/hub_cache.h"
#include "models/models.h"

namespace urial::models {
namespace {

constexpr std::string_view kLockRemedy = "make the folder writable to remove what is in it";

/// Bytes that go with this name of a file; none where another hard link keeps them.
std::uint64_t freed_with(const fs::path& path) {
    std::error_code failure;
    if (!fs::is_regular_file(path, failure) || fs::hard_link_count(path, failure) > 1) return 0;
    const std::uintmax_t bytes = fs::file_size(path, failure);
    return failure ? 0 : bytes;
}

std::uint64_t freed_below(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code failure;
    for (fs::recursive_directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        bytes += freed_with(entry->path());
    }
    return bytes;
}

Removal plan_alias(const ModelSpec& spec) {
    const auto alias = std::ranges::find(aliases(), spec.text, &Alias::name);
    if (alias == aliases().end()) throw error(ErrorKind::NotFound, "model '{}': no such alias", spec.text);
    Removal removal;
    removal.file = alias_path(*alias);
    std::error_code ignored;
    const bool is_begun = fs::exists(download_folder(removal.file), ignored);
    if (!fs::exists(removal.file, ignored) && !is_begun) {
        throw error(ErrorKind::NotFound, "{} is not there: {} does not exist; `urial models` lists what there is",
                    spec.text, removal.file.string());
    }
    removal.also = {download_folder(removal.file), content_hash_record(removal.file)};
    removal.freed_bytes = freed_with(removal.file) + freed_below(download_folder(removal.file));
    return removal;
}

Removal plan_hub(const ModelSpec& spec) {
    const HubSettings settings = hub_settings();
    const HubRepository repository(settings, spec.repository);
    const std::vector<std::string> files = repository.gguf_files();
    const std::vector<std::string> matches = matching_files(files, spec.quantization);
    if (matches.size() != 1) {
        const std::vector<std::string> specs = cached_specs(settings, spec.repository);
        throw error(matches.empty() ? ErrorKind::NotFound : ErrorKind::BadInput, "{}: {} in {}{}", spec.text,
                    matches.empty() ? "nothing of that name is" : "more than one file of that name is",
                    settings.cache.string(),
                    specs.empty() ? "" : fmt::format("; there is {}", fmt::join(specs, " and ")));
    }
    Removal removal;
    removal.repository = spec.repository;
    removal.file = *repository.snapshot() / matches.front();
    removal.also = {content_hash_record(removal.file)};
    std::error_code failure;
    if (!fs::is_symlink(removal.file, failure)) {
        removal.freed_bytes = freed_with(removal.file);
        return removal;
    }
    const fs::path content = fs::canonical(removal.file, failure);
    std::vector<fs::path> links = repository.links_to(content);
    std::erase(links, removal.file);
    if (!repository.is_blob(content)) {
        removal.kept = fmt::format("{}, which lies outside of the repository's folder", content.string());
        removal.also.clear();
    } else if (!links.empty()) {
        removal.kept = fmt::format("its content: {} is the same file", links.front().string());
        removal.also.clear();
    } else {
        removal.freed_bytes = freed_with(content);
        removal.also.push_back(content);
    }
    return removal;
}

/// Who is to be named instead of a path, if the path is that of a model in a cache.
std::string name_in_caches(const fs::path& path) {
    std::error_code ignored;
    for (const InstalledModel& model : installed_models()) {
        if (fs::equivalent(model.path, path, ignored)) return model.spec;
    }
    return "";
}

void remove_path(const fs::path& path) {
    std::error_code failure;
    fs::remove_all(path, failure);
    if (failure) throw error(ErrorKind::Io, "{}: cannot be removed: {}", path.string(), failure.message());
}

FileLock lock(const Removal& removal) {
    if (removal.repository.empty()) {
        return lock_download(download_lock(removal.file), removal.file.filename().string(), kLockRemedy);
    }
    std::error_code ignored;
    const std::string blob = fs::canonical(removal.file, ignored).filename().string();
    return lock_download(HubRepository(hub_settings(), removal.repository).lock(blob), removal.repository, kLockRemedy);
}

}  // namespace

Removal plan_removal(const ModelSpec& spec) {
    if (spec.kind == ModelSpec::Kind::Alias) return plan_alias(spec);
    if (spec.kind == ModelSpec::Kind::HuggingFace) return plan_hub(spec);
    const std::string name = name_in_caches(spec.path);
    if (!name.empty()) {
        throw error(ErrorKind::BadInput, "{}: a model is removed by its name: urial models rm {}", spec.text, name);
    }
    throw error(ErrorKind::BadInput,
                "{}: only what `urial models` lists is removed, a file of your own you can remove yourself", spec.text);
}

void remove_model(const Removal& removal) {
    const FileLock held = lock(removal);
    remove_path(removal.file);
    for (const fs::path& path : removal.also) remove_path(path);
    if (!removal.repository.empty()) HubRepository(hub_settings(), removal.repository).prune();
}

}  // namespace urial::models
