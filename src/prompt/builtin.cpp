#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "prompt/forms.h"
#include "prompt/prompt.h"
#include "prompt_files.h"

namespace urial::prompt {
namespace {

constexpr std::array<std::string_view, 8> kNames{"urial",   "urial-1",          "urial-8",   "urial-help",
                                                 "vanilla", "instruction-only", "zero-shot", "raw"};

PromptSpec load_file(const fs::path& path, OriginalForm form) {
    const std::string text = read_text_file(path);
    if (path.extension() == ".toml") return parse_spec(text, path.string());
    return parse_original(text, path.stem().string(), form);
}

}  // namespace

std::vector<std::string> builtin_names() { return {kNames.begin(), kNames.end()}; }

PromptSpec builtin(std::string_view name) {
    const std::vector<std::string> names = builtin_names();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        throw error(ErrorKind::NotFound, "unknown prompt '{}'{} (built in: {}; a file is named by its path)", name,
                    did_you_mean(name, names), fmt::join(names, ", "));
    }
    const std::string file_name = fmt::format("{}.toml", name);
    for (const EmbeddedFile& file : prompt_files()) {
        if (file.name == file_name) return parse_spec(file.content, file_name);
    }
    throw error(ErrorKind::NotFound, "prompt '{}' is missing from this build", name);
}

Origin origin_of(const PromptSpec& spec) {
    if (std::find(kNames.begin(), kNames.end(), spec.name) == kNames.end()) return Origin::Own;
    return format_spec(builtin(spec.name)) == format_spec(spec) ? Origin::Builtin : Origin::BuiltinsName;
}

PromptSpec load(std::string_view name_or_path, OriginalForm form) {
    const fs::path path(name_or_path);
    const bool is_path = name_or_path.find('/') != std::string_view::npos || path.extension() == ".toml" ||
                         path.extension() == ".txt" || fs::is_regular_file(path);
    const std::vector<std::string> names = builtin_names();
    const bool is_builtin = std::find(names.begin(), names.end(), name_or_path) != names.end();
    const bool is_original = is_path && !is_builtin && path.extension() != ".toml";
    PromptSpec spec = is_path && !is_builtin ? load_file(path, form) : builtin(name_or_path);
    if (form != OriginalForm::Auto && !is_original) {
        if (!render_prefix(spec).empty()) {
            throw error(ErrorKind::BadInput,
                        "prompt '{}' says itself how it continues: --form goes with an original .txt file or with a "
                        "prompt that has no constant part, such as zero-shot",
                        name_or_path);
        }
        continue_with(spec, form);
    }
    return spec;
}

}  // namespace urial::prompt
