// Layout: u64 length of the header, the header (JSON: name -> {"dtype", "shape", "data_offsets": [begin, end]}, offsets
// from the end of the header), the data.

#include "models/safetensors.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "models/float_bits.h"

namespace urial::models {
namespace {

constexpr std::uint64_t kLongestHeader = 64U << 20;

/// Bytes of a number; 0 for types that are not read.
std::uint64_t number_bytes(std::string_view type) {
    if (type == "F32") return 4;
    return type == "F16" || type == "BF16" ? 2 : 0;
}

/// nullopt: the product is more than 64 bits hold.
std::optional<std::uint64_t> element_count(const std::vector<std::uint64_t>& shape) {
    std::uint64_t count = 1;
    for (const std::uint64_t size : shape) {
        if (size != 0 && count > std::numeric_limits<std::uint64_t>::max() / 8 / size) return std::nullopt;
        count *= size;
    }
    return count;
}

}  // namespace

Safetensors::Safetensors(std::filesystem::path path) : path_(std::move(path)) {
    check_readable(path_);
    file_.open(path_, std::ios::binary);
    if (!file_) throw error(ErrorKind::Io, "{}: cannot open: {}", path_.string(), std::strerror(errno));
    size_ = std::filesystem::file_size(path_);
    read_header();
}

void Safetensors::fail(std::string_view reason) const {
    throw error(ErrorKind::BadInput, "{}: not a usable safetensors file: {}", path_.string(), reason);
}

void Safetensors::read_header() {
    std::uint64_t length = 0;
    if (!file_.read(reinterpret_cast<char*>(&length), sizeof length)) fail("it has less than 8 bytes");
    if (length > size_ - sizeof length) {
        fail(fmt::format("its header has {} bytes, the file has {} left; it is damaged or was cut off, get it again",
                         length, size_ - sizeof length));
    }
    if (length > kLongestHeader)
        fail(fmt::format("its header has {} bytes, at most {} are read", length, kLongestHeader));
    std::string text(length, '\0');
    if (!file_.read(text.data(), static_cast<std::streamsize>(length))) fail("its header cannot be read");
    const std::uint64_t data = sizeof length + length;
    try {
        JsonLimits limits = kRecordLimits;
        limits.repeated_keys = false;
        const nlohmann::ordered_json header = parse_json(trim(text), limits);
        if (!header.is_object()) fail("its header is no JSON object");
        for (const auto& [name, entry] : header.items()) {
            if (name == "__metadata__") continue;
            const auto offsets = entry.at("data_offsets").get<std::array<std::uint64_t, 2>>();
            Tensor tensor{entry.at("dtype").get<std::string>(), entry.at("shape").get<std::vector<std::uint64_t>>(), 0,
                          0};
            if (offsets[0] > offsets[1] || offsets[1] > size_ - data) {
                fail(
                    fmt::format("tensor {} lies at bytes {} to {}, the file has {}; it is damaged or was cut off, get "
                                "it again",
                                printable(name), offsets[0], offsets[1], size_ - data));
            }
            tensor.begin = data + offsets[0];
            tensor.end = data + offsets[1];
            tensors_.emplace(name, std::move(tensor));
        }
    } catch (const nlohmann::ordered_json::exception& problem) {
        fail(fmt::format("its header is not of the format: {}", problem.what()));
    } catch (const Error& problem) {
        if (std::string_view(problem.what()).starts_with(path_.string())) throw;
        fail(fmt::format("its header {}", problem.what()));
    }
}

void Safetensors::check(const std::string& name) const {
    if (!has(name)) fail(fmt::format("it has no tensor {}", name));
}

std::vector<float> Safetensors::read(const std::string& name, const std::vector<std::uint64_t>& shape) {
    check(name);
    const Tensor& tensor = tensors_.at(name);
    if (tensor.shape != shape) {
        fail(fmt::format("tensor {} is [{}], the model's configuration says [{}]", name, fmt::join(tensor.shape, ", "),
                         fmt::join(shape, ", ")));
    }
    const std::uint64_t each = number_bytes(tensor.type);
    if (each == 0)
        fail(fmt::format("tensor {} is of type {}; F32, F16 and BF16 are read", name, printable(tensor.type)));
    const auto count = element_count(shape);
    if (!count || tensor.end - tensor.begin != *count * each) {
        fail(fmt::format("tensor {} has {} bytes, which is not its shape", name, tensor.end - tensor.begin));
    }
    std::vector<float> numbers(*count);
    std::vector<std::uint16_t> halves(each == 2 ? *count : 0);
    char* const target = each == 2 ? reinterpret_cast<char*>(halves.data()) : reinterpret_cast<char*>(numbers.data());
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(tensor.begin));
    if (!file_.read(target, static_cast<std::streamsize>(*count * each))) {
        throw error(ErrorKind::Io, "{}: cannot read tensor {}", path_.string(), name);
    }
    const bool is_f16 = tensor.type == "F16";
    for (std::size_t i = 0; i < halves.size(); ++i) numbers[i] = is_f16 ? from_f16(halves[i]) : from_bf16(halves[i]);
    return numbers;
}

}  // namespace urial::models
