#include "models/hub_cache.h"

#include <algorithm>
#include <regex>

#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

namespace urial::models {
namespace {

fs::path hub_home() {
    if (const auto home = environment("HF_HOME")) return *home;
    if (const auto cache = environment("XDG_CACHE_HOME")) return fs::path(*cache) / "huggingface";
    if (const auto home = environment("HOME")) return fs::path(*home) / ".cache" / "huggingface";
    throw Error(ErrorKind::NotFound, "HOME is not set: set it, or HF_HOME, to say where the Hugging Face cache is");
}

bool is_true(const std::optional<std::string>& value) {
    if (!value) return false;
    const std::string text = lower_ascii(*value);
    return text == "1" || text == "on" || text == "yes" || text == "true";
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// `word` stands in `text` and no letter, digit or underscore continues it ("model_q4_0" may lead into it).
bool has_word(std::string_view text, std::string_view word) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool begins = at == 0 || text[at - 1] == '_' || !is_word_character(text[at - 1]);
        if (begins && (end == text.size() || !is_word_character(text[end]))) return true;
    }
    return false;
}

}  // namespace

HubSettings hub_settings() {
    HubSettings settings;
    settings.endpoint = environment("HF_ENDPOINT").value_or("https://huggingface.co");
    while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
    const auto cache = environment("HF_HUB_CACHE");
    settings.cache = cache ? fs::path(*cache) : hub_home() / "hub";
    settings.offline = is_true(environment("HF_HUB_OFFLINE"));
    return settings;
}

HubToken hub_token() {
    HubToken token;
    if (const auto value = environment("HF_TOKEN")) {
        token = {.value = std::string(trim(*value)), .origin = "HF_TOKEN"};
    } else {
        const auto named = environment("HF_TOKEN_PATH");
        const fs::path path = named ? fs::path(*named) : hub_home() / "token";
        std::error_code ignored;
        if (!fs::is_regular_file(path, ignored)) return token;
        token = {.value = std::string(trim(read_file(path))), .origin = path.string()};
    }
    // A line break in it would end the header and begin another.
    if (std::ranges::any_of(token.value, [](char c) { return c <= ' ' || c > '~'; })) {
        throw error(ErrorKind::BadInput, "{}: the token holds characters that no token has; set it anew", token.origin);
    }
    return token;
}

HubRepository::HubRepository(const HubSettings& settings, std::string_view repository) {
    std::string name = "models--";
    for (const char c : repository) name += c == '/' ? std::string("--") : std::string(1, c);
    folder_ = settings.cache / name;
    locks_ = settings.cache / ".locks" / name;
}

fs::path HubRepository::link(std::string_view commit, std::string_view file, std::string_view sha256) const {
    const fs::path path = folder_ / "snapshots" / commit / file;
    make_directories(path.parent_path());
    std::error_code failure;
    const fs::path blob = fs::weakly_canonical(folder_, failure) / "blobs" / sha256;
    const fs::path target = blob.lexically_relative(fs::weakly_canonical(path.parent_path(), failure));
    if (fs::read_symlink(path, failure) != target) {
        const fs::path temporary = fmt::format("{}.{}.tmp", path.string(), ::getpid());
        fs::create_symlink(target, temporary, failure);
        if (!failure) fs::rename(temporary, path, failure);
        if (failure) throw error(ErrorKind::Io, "{}: cannot link to the blob: {}", path.string(), failure.message());
    }
    write_file_atomic(folder_ / "refs" / "main", commit);
    return path;
}

std::optional<fs::path> HubRepository::snapshot() const {
    std::error_code ignored;
    const fs::path ref = folder_ / "refs" / "main";
    if (!fs::is_regular_file(ref, ignored)) return std::nullopt;
    const std::string commit(trim(read_file(ref)));
    if (commit.empty() || commit.find('/') != std::string::npos || commit.front() == '.') return std::nullopt;
    return folder_ / "snapshots" / commit;
}

std::vector<std::string> HubRepository::gguf_files() const {
    std::vector<std::string> names;
    const auto root = snapshot();
    std::error_code failure;
    if (!root || !fs::is_directory(*root, failure)) return names;
    for (fs::recursive_directory_iterator entry(*root, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        std::error_code missing;  // a link whose blob is gone
        if (lower_ascii(entry->path().string()).ends_with(".gguf") && fs::is_regular_file(entry->path(), missing)) {
            names.push_back(entry->path().lexically_relative(*root).string());
        }
    }
    std::ranges::sort(names);
    return names;
}

bool HubRepository::is_blob(const fs::path& path) const {
    std::error_code failure;
    const fs::path blobs = fs::canonical(folder_ / "blobs", failure);
    return !failure && path.parent_path() == blobs;
}

std::vector<fs::path> HubRepository::links_to(const fs::path& path) const {
    std::vector<fs::path> links;
    std::error_code failure;
    for (fs::recursive_directory_iterator entry(folder_ / "snapshots", failure), end; !failure && entry != end;
         entry.increment(failure)) {
        std::error_code missing;
        if (entry->is_symlink(missing) && fs::canonical(entry->path(), missing) == path) links.push_back(entry->path());
    }
    return links;
}

void HubRepository::prune() const {
    std::error_code failure;
    std::vector<fs::path> folders{folder_ / "snapshots"};
    for (fs::recursive_directory_iterator entry(folders.front(), failure), end; !failure && entry != end;
         entry.increment(failure)) {
        if (entry->symlink_status().type() == fs::file_type::directory) folders.push_back(entry->path());
    }
    // Children come behind their parents; a folder with something in it is not removed.
    std::error_code not_empty;
    for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) fs::remove(*folder, not_empty);
    if (fs::exists(folder_ / "snapshots", failure)) return;
    fs::remove(folder_ / "blobs", not_empty);
    if (fs::exists(folder_ / "blobs", failure)) return;
    // What is left says which commit "main" was and which files it did not have.
    fs::remove_all(folder_, failure);
}

std::vector<std::string> cached_repositories(const HubSettings& settings) {
    constexpr std::string_view kPrefix = "models--";
    std::vector<std::string> repositories;
    std::error_code failure;
    for (fs::directory_iterator entry(settings.cache, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        const std::string name = entry->path().filename().string();
        const auto middle = name.find("--", kPrefix.size());
        if (!name.starts_with(kPrefix) || middle == std::string::npos) continue;
        repositories.push_back(name.substr(kPrefix.size(), middle - kPrefix.size()) + "/" + name.substr(middle + 2));
    }
    std::ranges::sort(repositories);
    return repositories;
}

std::vector<std::string> matching_files(const std::vector<std::string>& names, std::string_view quantization) {
    const std::string wanted = lower_ascii(quantization);
    std::vector<std::string> matches;
    for (const std::string& name : names) {
        const std::string lower = lower_ascii(name);
        if (!lower.ends_with(".gguf")) continue;
        if (wanted.ends_with(".gguf") ? lower == wanted
            : wanted.empty()          ? lower.find("mmproj") == std::string::npos
                                      : has_word(lower, wanted)) {
            matches.push_back(name);
        }
    }
    return matches;
}

bool is_split_file(std::string_view name) {
    static const std::regex kSplit(R"(.*-[0-9]{5}-of-[0-9]{5}\.gguf)", std::regex::icase);
    return std::regex_match(name.begin(), name.end(), kSplit);
}

std::string quantization_of(std::string_view file_name) {
    static const std::regex kQuantization(
        R"((?:^|[-._/])((?:UD-)?(?:I?Q[1-8]_[A-Z0-9_]+|TQ[12]_0|BF16|F16|F32|MXFP4|NVFP4))(?=[-./]|$))",
        std::regex::icase);
    std::cmatch match;
    const bool found = std::regex_search(file_name.data(), file_name.data() + file_name.size(), match, kQuantization);
    return found ? match[1].str() : std::string();
}

bool is_safe_file_name(std::string_view name) {
    if (name.empty() || name.find('\\') != std::string_view::npos || !is_valid_utf8(name)) return false;
    if (std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == 0x7F; })) return false;
    return std::ranges::none_of(split(name, '/'),
                                [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

std::string hub_spec(std::string_view repository, const std::vector<std::string>& files, std::string_view file) {
    const std::string quantization = quantization_of(file);
    const bool is_unique = !quantization.empty() && matching_files(files, quantization).size() == 1;
    return fmt::format("hf:{}:{}", repository, is_unique ? std::string_view(quantization) : file);
}

std::vector<std::string> cached_specs(const HubSettings& settings, std::string_view repository) {
    const std::vector<std::string> files = HubRepository(settings, repository).gguf_files();
    std::vector<std::string> specs;
    for (const std::string& file : files) specs.push_back(hub_spec(repository, files, file));
    return specs;
}

std::optional<fs::path> find_in_hub_cache(const HubSettings& settings, std::string_view repository,
                                          std::string_view quantization) {
    const HubRepository folder(settings, repository);
    std::vector<std::string> matches = matching_files(folder.gguf_files(), quantization);
    std::erase_if(matches, is_split_file);
    if (matches.size() != 1) return std::nullopt;
    return *folder.snapshot() / matches.front();
}

}  // namespace urial::models
