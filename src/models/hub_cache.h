#pragma once

// The shared Hugging Face cache on this disk and the environment variables that steer it, laid out as the Python
// library huggingface_hub has it: models--owner--name/{blobs/<sha256>, refs/main, snapshots/<commit>/<file> -> blob}.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace urial::models {

/// HF_ENDPOINT, HF_HUB_CACHE or HF_HOME, HF_HUB_OFFLINE.
struct HubSettings {
    std::string endpoint;  ///< without a slash at its end
    fs::path cache;
    bool offline = false;
};
HubSettings hub_settings();

struct HubToken {
    std::string value;   ///< empty: none; never printed
    std::string origin;  ///< where it is from, for messages: "HF_TOKEN" or the file's path
};
/// HF_TOKEN, else the file HF_TOKEN_PATH or HF_HOME/token. Throws Error{BadInput} for a token that cannot be sent.
HubToken hub_token();

/// The folder of one repository in the cache.
class HubRepository {
public:
    HubRepository(const HubSettings& settings, std::string_view repository);

    fs::path blob(std::string_view sha256) const { return folder_ / "blobs" / sha256; }
    fs::path lock(std::string_view sha256) const { return locks_ / (std::string(sha256) + ".lock"); }
    /// Makes `file` of the commit a relative link to the blob, and the commit what "main" means.
    fs::path link(std::string_view commit, std::string_view file, std::string_view sha256) const;
    /// Paths of the GGUF files of what "main" means here, relative to snapshot().
    std::vector<std::string> gguf_files() const;
    /// The folder of the commit that "main" means here, or nullopt.
    std::optional<fs::path> snapshot() const;
    /// True for a (canonical) path in this repository's folder of blobs.
    bool is_blob(const fs::path& path) const;
    /// The links of all commits to this (canonical) path.
    std::vector<fs::path> links_to(const fs::path& path) const;
    /// Takes away the folders that hold nothing any more, the repository's own in the end.
    void prune() const;

private:
    fs::path folder_;
    fs::path locks_;
};

/// The repositories in the cache, "owner/name", sorted.
std::vector<std::string> cached_repositories(const HubSettings& settings);

/// The names that a quantisation (or a file name, or nothing) can mean, case aside: "q4_k_m" fits "x-Q4_K_M.gguf" and
/// not "x-Q4_K_M_L.gguf". Without a quantisation, files of vision projectors (mmproj) do not count.
std::vector<std::string> matching_files(const std::vector<std::string>& names, std::string_view quantization);

/// "model-00001-of-00003.gguf": one of several files that make up a model.
bool is_split_file(std::string_view name);

/// Q4_K_M of "x-Q4_K_M.gguf"; empty where the name says nothing.
std::string quantization_of(std::string_view file_name);

/// True for a relative path without "..", empty parts, backslashes or control characters.
bool is_safe_file_name(std::string_view name);

/// The shortest spec that means `file` and no other one of `files`, all of `repository`: "hf:owner/name:Q4_K_M".
std::string hub_spec(std::string_view repository, const std::vector<std::string>& files, std::string_view file);

/// What is in the cache of a repository, as specs.
std::vector<std::string> cached_specs(const HubSettings& settings, std::string_view repository);

/// The file in the cache that a spec means, if it is there and the only one.
std::optional<fs::path> find_in_hub_cache(const HubSettings& settings, std::string_view repository,
                                          std::string_view quantization);

}  // namespace urial::models
