// The check of a GGUF file (versions 2 and 3, little endian) before the engine sees it. Layout:
//
//   "GGUF", u32 version, u64 tensors, u64 pairs
//   pairs:   string key, u32 type, value              string: u64 length, bytes
//   tensors: string name, u32 dimensions, u64 size each (the first is a row), u32 type, u64 offset
//   padding to general.alignment, then the data section; offsets count from its begin
//
// Every count is compared with the bytes that are left in the file before anything is allocated for it. What the engine
// would assert on is refused here with the place and the reason.

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "models/gguf_metadata.h"
#include "models/gguf_types.h"
#include "models/models.h"

namespace urial::models {
namespace {

static_assert(std::endian::native == std::endian::little, "the reader copies little-endian numbers as they are");

constexpr std::uint64_t kSmallestPair = 8 + 1 + 4 + 1;            // a key of one byte, a value of one byte
constexpr std::uint64_t kSmallestTensor = 8 + 1 + 4 + 8 + 4 + 8;  // a name of one byte, one dimension
constexpr std::uint64_t kLongestKey = 65'535;                     // the format's own limit
constexpr std::uint64_t kLongestText = 64ULL << 20;  // of a value that is kept; a chat template is kilobytes
constexpr std::uint64_t kLongestTensorName = 63;     // the engine's limit
constexpr std::uint32_t kMostDimensions = 4;         // the engine's limit
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMostEntries = 1ULL << 18;  // pairs or tensors; large models have some thousands
constexpr std::uint64_t kMostTokens = 1ULL << 21;   // the largest vocabularies have an eighth of that

/// Bytes of one value; 0 for strings, arrays and unknown types.
std::uint64_t value_bytes(ValueType type) {
    static constexpr std::array<std::uint8_t, 13> kBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    const auto index = static_cast<std::uint32_t>(type);
    return index < kBytes.size() ? kBytes[index] : 0;
}

/// Reads forward through the file in blocks and knows how much is left. Every refusal goes through fail().
class HeaderReader {
public:
    explicit HeaderReader(const fs::path& path)
        : path_(path), file_(path, std::ios::binary), size_(fs::file_size(path)), buffer_(1 << 16) {
        if (!file_) throw error(ErrorKind::Io, "{}: cannot open: {}", path.string(), std::strerror(errno));
    }

    [[noreturn]] void fail(std::uint64_t place, std::string_view reason) const {
        throw error(ErrorKind::BadInput, "{}: not a usable GGUF model: at byte {}: {}", path_.string(), place, reason);
    }
    [[noreturn]] void fail_cut(std::string_view inside, std::uint64_t needed) const {
        fail(position_,
             fmt::format("{} needs {} bytes, the file has {} left; it is damaged or was cut off, get it again", inside,
                         needed, left()));
    }

    std::uint64_t position() const { return position_; }
    std::uint64_t size() const { return size_; }
    std::uint64_t left() const { return size_ - position_; }

    template <typename Number>
    Number number(std::string_view what) {
        Number value{};
        read(reinterpret_cast<char*>(&value), sizeof value, what);
        return value;
    }

    std::string string(std::string_view what, std::uint64_t longest) {
        const std::uint64_t place = position_;
        const std::uint64_t length = string_length(what);
        if (length > longest)
            fail(place, fmt::format("{} has {} bytes, at most {} are allowed", what, length, longest));
        std::string text(length, '\0');
        read(text.data(), length, what);
        return text;
    }

    void skip_string(std::string_view what) { skip(string_length(what), what); }

    void skip(std::uint64_t bytes, std::string_view what) {
        if (bytes > left()) fail_cut(what, bytes);
        const std::uint64_t buffered = std::min<std::uint64_t>(bytes, filled_ - used_);
        used_ += buffered;
        position_ += bytes;
        if (bytes > buffered) {
            used_ = filled_ = 0;
            file_.seekg(static_cast<std::streamoff>(position_));
        }
    }

private:
    std::uint64_t string_length(std::string_view what) {
        const auto length = number<std::uint64_t>(what);
        if (length > left()) fail_cut(what, length);
        return length;
    }

    void read(char* target, std::uint64_t bytes, std::string_view what) {
        if (bytes > left()) fail_cut(what, bytes);
        while (bytes > 0) {
            if (used_ == filled_) refill(what);
            const std::uint64_t count = std::min<std::uint64_t>(bytes, filled_ - used_);
            std::memcpy(target, buffer_.data() + used_, count);
            target += count;
            used_ += count;
            position_ += count;
            bytes -= count;
        }
    }

    void refill(std::string_view what) {
        file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
        filled_ = static_cast<std::uint64_t>(file_.gcount());
        used_ = 0;
        if (filled_ == 0) fail(position_, fmt::format("{} cannot be read: the file shrank or the disk failed", what));
        file_.clear();
    }

    fs::path path_;
    std::ifstream file_;
    std::uint64_t size_;
    std::uint64_t position_ = 0;
    std::vector<char> buffer_;
    std::uint64_t filled_ = 0;
    std::uint64_t used_ = 0;
};

/// The keys whose type the engine takes for granted.
void check_known_type(const HeaderReader& reader, std::uint64_t place, const std::string& key, ValueType type) {
    static const std::map<std::string, ValueType> kTypes{
        {"general.architecture", ValueType::String},
        {"general.name", ValueType::String},
        {"general.type", ValueType::String},
        {"general.alignment", ValueType::U32},
        {"general.file_type", ValueType::U32},
        {"tokenizer.ggml.model", ValueType::String},
        {"tokenizer.ggml.tokens", ValueType::Array},
        {"tokenizer.ggml.scores", ValueType::Array},
        {"tokenizer.ggml.token_type", ValueType::Array},
        {"tokenizer.ggml.merges", ValueType::Array},
        {"tokenizer.chat_template", ValueType::String},
        {"adapter.alora.invocation_tokens", ValueType::Array},
        {"adapter.type", ValueType::String},
        {"adapter.lora.alpha", ValueType::F32},
    };
    const auto expected = kTypes.find(key);
    if (expected != kTypes.end() && expected->second != type) {
        reader.fail(place, fmt::format("key '{}' has a value of type {}, type {} is expected", key,
                                       static_cast<std::uint32_t>(type), static_cast<std::uint32_t>(expected->second)));
    }
}

/// Likewise the arrays whose elements have a type that the engine takes for granted.
void check_known_elements(const HeaderReader& reader, std::uint64_t place, const std::string& key, ValueType type) {
    static const std::map<std::string, std::vector<ValueType>> kTypes{
        {"tokenizer.ggml.tokens", {ValueType::String}},
        {"tokenizer.ggml.merges", {ValueType::String}},
        {"tokenizer.ggml.scores", {ValueType::F32, ValueType::I32}},
        {"tokenizer.ggml.token_type", {ValueType::I32}},
        {"adapter.alora.invocation_tokens", {ValueType::U32}},
    };
    const auto expected = kTypes.find(key);
    if (expected == kTypes.end() || std::ranges::count(expected->second, type) > 0) return;
    reader.fail(place,
                fmt::format("key '{}' is an array of type {}, type {} is expected", key,
                            static_cast<std::uint32_t>(type), static_cast<std::uint32_t>(expected->second.front())));
}

template <typename Number>
std::uint64_t as_count(Number value) {
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::uint64_t read_integer(HeaderReader& reader, ValueType type, std::string_view what) {
    switch (type) {
        case ValueType::U8: return reader.number<std::uint8_t>(what);
        case ValueType::I8: return as_count(reader.number<std::int8_t>(what));
        case ValueType::U16: return reader.number<std::uint16_t>(what);
        case ValueType::I16: return as_count(reader.number<std::int16_t>(what));
        case ValueType::U32: return reader.number<std::uint32_t>(what);
        case ValueType::I32: return as_count(reader.number<std::int32_t>(what));
        case ValueType::I64: return as_count(reader.number<std::int64_t>(what));
        default: return reader.number<std::uint64_t>(what);
    }
}

void check_bool(HeaderReader& reader, std::string_view what) {
    const std::uint64_t place = reader.position();
    const auto value = reader.number<std::uint8_t>(what);
    if (value > 1) reader.fail(place, fmt::format("{} is a truth value of {}, 0 or 1 is expected", what, value));
}

/// Every token has a text of its own; one without a text counts as the engine names it.
void read_tokens(HeaderReader& reader, std::uint64_t count, std::string_view what) {
    const std::uint64_t place = reader.position();
    if (count > kMostTokens) {
        reader.fail(place, fmt::format("{} has {} tokens, at most {} are allowed", what, count, kMostTokens));
    }
    std::unordered_map<std::string, std::uint64_t> ids;
    ids.reserve(count);
    std::uint64_t bytes = 0;
    for (std::uint64_t id = 0; id < count; ++id) {
        const std::uint64_t token_place = reader.position();
        std::string text = reader.string(what, kLongestText - bytes);
        bytes += text.size();
        if (text.empty()) text = fmt::format("[EMPTY_{}]", id);
        const auto [found, is_new] = ids.emplace(std::move(text), id);
        if (is_new) continue;
        reader.fail(token_place, fmt::format("tokens {} and {} of the vocabulary have the same text '{}'; the file is "
                                             "damaged, get it again",
                                             found->second, id, printable(replace_invalid_utf8(found->first))));
    }
}

void read_array(HeaderReader& reader, Metadata& metadata, const std::string& key, std::string_view what) {
    const std::uint64_t place = reader.position();
    const auto type = static_cast<ValueType>(reader.number<std::uint32_t>(what));
    const auto count = reader.number<std::uint64_t>(what);
    const std::uint64_t each = type == ValueType::String ? 8 : value_bytes(type);
    if (each == 0) {
        reader.fail(place, fmt::format("{} is an array of type {}, which does not exist or may not be in an array",
                                       what, static_cast<std::uint32_t>(type)));
    }
    if (count > reader.left() / each) {
        reader.fail(place, fmt::format("{} is an array of {} values, the file has only {} bytes left; it is damaged or "
                                       "was cut off, get it again",
                                       what, count, reader.left()));
    }
    check_known_elements(reader, place, key, type);
    metadata.arrays[key] = {type, count};
    if (key == "tokenizer.ggml.tokens") {
        read_tokens(reader, count, what);
    } else if (type == ValueType::String) {
        for (std::uint64_t index = 0; index < count; ++index) reader.skip_string(what);
    } else if (type == ValueType::Bool) {
        for (std::uint64_t index = 0; index < count; ++index) check_bool(reader, what);
    } else {
        reader.skip(count * each, what);
    }
}

void read_pair(HeaderReader& reader, Metadata& metadata, std::uint64_t index) {
    const std::uint64_t place = reader.position();
    std::string key = reader.string(fmt::format("the key of metadata pair {}", index), kLongestKey);
    if (key.empty()) reader.fail(place, fmt::format("the key of metadata pair {} is empty", index));
    if (!is_valid_utf8(key)) reader.fail(place, fmt::format("the key of metadata pair {} is not UTF-8", index));
    const std::string what = fmt::format("key '{}'", printable(key));
    if (!metadata.places.emplace(key, place).second) reader.fail(place, what + " is there twice");

    const std::uint64_t type_place = reader.position();
    const auto type = static_cast<ValueType>(reader.number<std::uint32_t>(what));
    check_known_type(reader, type_place, key, type);
    switch (type) {
        case ValueType::String: metadata.texts[key] = reader.string(what, kLongestText); break;
        case ValueType::Array: read_array(reader, metadata, key, what); break;
        case ValueType::Bool: check_bool(reader, what); break;
        case ValueType::F32: metadata.reals[key] = reader.number<float>(what); break;
        case ValueType::F64: metadata.reals[key] = reader.number<double>(what); break;
        default:
            if (value_bytes(type) == 0) {
                reader.fail(type_place, fmt::format("{} has a value of the unknown type {}", what,
                                                    static_cast<std::uint32_t>(type)));
            }
            metadata.integers[key] = read_integer(reader, type, what);
    }
}

struct Tensor {
    std::string name;
    std::uint64_t place = 0;  // of its entry in the header
    std::uint64_t elements = 0;
    std::uint64_t bytes = 0;
    std::uint64_t offset = 0;  // from the begin of the data section
};

/// Reads the sizes of the dimensions; their product must fit a signed 64-bit number, as the engine counts in those.
std::uint64_t read_dimensions(HeaderReader& reader, Tensor& tensor, const std::string& what) {
    const std::uint64_t place = reader.position();
    const auto dimensions = reader.number<std::uint32_t>(what);
    if (dimensions == 0 || dimensions > kMostDimensions) {
        reader.fail(place, fmt::format("{} has {} dimensions, 1 to {} are allowed", what, dimensions, kMostDimensions));
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    std::uint64_t row = 0;
    tensor.elements = 1;
    for (std::uint32_t index = 0; index < dimensions; ++index) {
        const std::uint64_t size_place = reader.position();
        const auto size = reader.number<std::uint64_t>(what);
        if (size == 0 || size > kMost / tensor.elements) {
            reader.fail(size_place, fmt::format("{} has the size {} in dimension {}: {}", what, size, index,
                                                size == 0 ? "it would be empty" : "the number of elements overflows"));
        }
        tensor.elements *= size;
        if (index == 0) row = size;
    }
    return row;
}

Tensor read_tensor(HeaderReader& reader, std::uint64_t index) {
    Tensor tensor;
    tensor.place = reader.position();
    tensor.name = reader.string(fmt::format("the name of tensor {}", index), kLongestTensorName);
    if (tensor.name.empty()) reader.fail(tensor.place, fmt::format("the name of tensor {} is empty", index));
    const std::string what = fmt::format("tensor '{}'", printable(replace_invalid_utf8(tensor.name)));
    const std::uint64_t row = read_dimensions(reader, tensor, what);

    const std::uint64_t type_place = reader.position();
    const auto type = reader.number<std::uint32_t>(what);
    const std::optional<BlockLayout> layout = block_layout(type);
    if (!layout) reader.fail(type_place, fmt::format("{} has the unknown number format {}", what, type));
    // Tables of indices (ffn_gate_tid2eid) are looked up, not multiplied.
    const bool is_matrix =
        tensor.name.find(".weight") != std::string::npos && tensor.name.find("tid2eid") == std::string::npos;
    if (is_matrix && !layout->is_weight_format) {
        reader.fail(type_place, fmt::format("{} has the number format {}, in which the engine has no products of "
                                            "matrices; get the model in another format",
                                            what, layout->name));
    }
    if (row % layout->elements != 0) {
        reader.fail(type_place, fmt::format("{} has rows of {} elements, its format {} needs a multiple of {}", what,
                                            row, layout->name, layout->elements));
    }
    const std::uint64_t blocks = tensor.elements / layout->elements;
    if (blocks > std::numeric_limits<std::int64_t>::max() / layout->bytes) {
        reader.fail(type_place,
                    fmt::format("{} has {} blocks of {} bytes: the size overflows", what, blocks, layout->bytes));
    }
    tensor.bytes = blocks * layout->bytes;
    tensor.offset = reader.number<std::uint64_t>(what);
    return tensor;
}

std::vector<Tensor> read_tensors(HeaderReader& reader, std::uint64_t count) {
    std::vector<Tensor> tensors;
    tensors.reserve(std::min<std::uint64_t>(count, 4096));
    std::unordered_set<std::string> names;
    for (std::uint64_t index = 0; index < count; ++index) {
        tensors.push_back(read_tensor(reader, index));
        const Tensor& tensor = tensors.back();
        if (!names.insert(tensor.name).second) {
            reader.fail(tensor.place,
                        fmt::format("tensor '{}' is there twice", printable(replace_invalid_utf8(tensor.name))));
        }
    }
    return tensors;
}

/// Every tensor aligned, inside the file, and apart from the others.
void check_data(const HeaderReader& reader, std::vector<Tensor> tensors, std::uint64_t alignment) {
    const std::uint64_t header_end = reader.position();
    const std::uint64_t begin = (header_end + alignment - 1) / alignment * alignment;
    const std::uint64_t room = begin > reader.size() ? 0 : reader.size() - begin;
    std::ranges::sort(tensors, {}, &Tensor::offset);
    std::uint64_t end = 0;
    for (const Tensor& tensor : tensors) {
        const std::string what = fmt::format("tensor '{}'", printable(replace_invalid_utf8(tensor.name)));
        if (tensor.offset % alignment != 0) {
            reader.fail(tensor.place, fmt::format("{} begins at offset {}, which is no multiple of the alignment {}",
                                                  what, tensor.offset, alignment));
        }
        if (tensor.offset < end) {
            reader.fail(tensor.place,
                        fmt::format("{} begins at offset {}, inside the tensor before it, which ends at {}", what,
                                    tensor.offset, end));
        }
        if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
            reader.fail(tensor.place,
                        fmt::format("{} has {} bytes at offset {}, the data section has {}; the file is damaged or was "
                                    "cut off, get it again",
                                    what, tensor.bytes, tensor.offset, room));
        }
        end = tensor.offset + tensor.bytes;
    }
}

struct Counts {
    std::uint32_t version = 0;
    std::uint64_t tensors = 0;
    std::uint64_t pairs = 0;
};

Counts read_counts(HeaderReader& reader) {
    if (reader.size() == 0) reader.fail(0, "the file is empty");
    const auto magic = reader.number<std::array<char, 4>>("the magic number");
    if (std::string_view(magic.data(), magic.size()) != "GGUF") {
        reader.fail(0, "it does not begin with 'GGUF': another kind of file");
    }
    Counts counts;
    counts.version = reader.number<std::uint32_t>("the version");
    if ((counts.version & 0xFFFFU) == 0 && counts.version != 0) {
        reader.fail(4, "the file is big-endian; convert it to little-endian");
    }
    if (counts.version != 2 && counts.version != 3) {
        reader.fail(4, fmt::format("version {} of the format; versions 2 and 3 are supported", counts.version));
    }
    counts.tensors = reader.number<std::uint64_t>("the number of tensors");
    counts.pairs = reader.number<std::uint64_t>("the number of metadata pairs");
    const auto check = [&](std::uint64_t place, std::uint64_t count, std::uint64_t each, std::string_view what) {
        if (count > reader.left() / each) {
            reader.fail(place,
                        fmt::format("{} {} do not fit into the {} bytes that are left; the file is damaged or was "
                                    "cut off, get it again",
                                    count, what, reader.left()));
        }
        if (count > kMostEntries) {
            reader.fail(place, fmt::format("{} {}, at most {} are allowed", count, what, kMostEntries));
        }
    };
    check(8, counts.tensors, kSmallestTensor, "tensors");
    check(16, counts.pairs, kSmallestPair, "metadata pairs");
    if (counts.tensors == 0) reader.fail(8, "it has no tensors; a vocabulary alone is no model");
    return counts;
}

GgufSummary summarize(const Metadata& metadata) {
    GgufSummary summary;
    summary.architecture = metadata.text("general.architecture");
    summary.name = metadata.text("general.name");
    summary.license = metadata.text("general.license");
    summary.kind = metadata.text("general.type");
    if (summary.kind.empty()) summary.kind = "model";
    if (metadata.has("general.file_type")) {
        summary.file_type = file_type_name(metadata.integer("general.file_type"));
    }
    summary.context_length = metadata.integer(summary.architecture + ".context_length");
    summary.vocabulary_size = metadata.array_length("tokenizer.ggml.tokens");
    if (summary.vocabulary_size == 0) summary.vocabulary_size = metadata.integer(summary.architecture + ".vocab_size");
    summary.split_files = metadata.integer("split.count");
    summary.has_chat_template = !metadata.text("tokenizer.chat_template").empty();
    return summary;
}

/// What a file is that is not a language model of its own, and what to do with it; empty for a model.
std::string what_else(const GgufSummary& summary, const fs::path& path) {
    if (summary.kind == "adapter") {
        return fmt::format("an adapter for a {} model, not a model; give it beside its model: -m MODEL --lora {}",
                           summary.architecture, path.string());
    }
    if (summary.kind == "mmproj" || summary.architecture == "clip") {
        return "a projector, the part of a multimodal model that reads images or sound; give the file of the language "
               "model";
    }
    if (summary.kind == "imatrix") return "an importance matrix, made to quantise a model; give the model";
    if (summary.split_files > 1) {
        return fmt::format(
            "one of {} files of a split model, which urial does not join; put them together with "
            "llama.cpp's `llama-gguf-split --merge`, or get the model in a single file",
            summary.split_files);
    }
    return "";
}

GgufSummary check_whole(const fs::path& path) {
    GgufSummary summary = check_gguf(path);
    if (const std::string other = what_else(summary, path); !other.empty()) {
        throw error(ErrorKind::BadInput, "{}: {}", path.string(), other);
    }
    return summary;
}

}  // namespace

GgufSummary check_model(const fs::path& path) {
    GgufSummary summary = check_whole(path);
    if (summary.architecture == "mpnet") {
        throw error(ErrorKind::BadInput,
                    "{}: an encoder, which makes vectors of texts, not a language model that continues text; give it "
                    "with --encoder, such as: urial embed --encoder {} -i FILE",
                    path.string(), path.string());
    }
    return summary;
}

GgufSummary check_encoder(const fs::path& path) { return check_whole(path); }

GgufSummary check_adapter(const fs::path& path) {
    GgufSummary summary = check_gguf(path);
    if (summary.kind == "adapter") return summary;
    const std::string other = what_else(summary, path);
    throw error(ErrorKind::BadInput, "{}: not an adapter: {}", path.string(),
                other.empty() ? "a whole model; give it with -m" : other);
}

GgufSummary check_gguf(const fs::path& path) {
    std::error_code ignored;
    const fs::file_status status = fs::status(path, ignored);
    if (status.type() == fs::file_type::not_found) throw error(ErrorKind::NotFound, "{}: no such file", path.string());
    if (status.type() == fs::file_type::directory) {
        throw error(ErrorKind::BadInput, "{}: is a directory, a GGUF file is needed", path.string());
    }
    if (status.type() != fs::file_type::regular) {
        throw error(ErrorKind::BadInput, "{}: not a regular file, a GGUF file is needed", path.string());
    }
    HeaderReader reader(path);
    const Counts counts = read_counts(reader);
    Metadata metadata;
    for (std::uint64_t index = 0; index < counts.pairs; ++index) read_pair(reader, metadata, index);
    if (!metadata.texts.contains("general.architecture")) {
        reader.fail(reader.position(), "the key general.architecture is missing: nothing says what model it is");
    }
    if (const auto fault = find_fault(metadata)) {
        const auto place = metadata.places.find(fault->key);
        reader.fail(place == metadata.places.end() ? reader.position() : place->second, fault->reason);
    }
    const std::vector<Tensor> tensors = read_tensors(reader, counts.tensors);
    const std::uint64_t alignment = metadata.integer("general.alignment");
    check_data(reader, tensors, alignment > 0 ? alignment : kDefaultAlignment);

    GgufSummary summary = summarize(metadata);
    summary.version = counts.version;
    summary.file_bytes = reader.size();
    summary.tensors = tensors.size();
    for (const Tensor& tensor : tensors) summary.parameters += tensor.elements;
    return summary;
}

}  // namespace urial::models
