#include "engine/gguf_file.h"

#include <algorithm>
#include <fstream>

#include <fmt/ranges.h>
#include <ggml.h>

#include "base/error.h"
#include "engine/backend.h"

namespace urial::engine {

GgufFile::GgufFile(std::filesystem::path path) : path_(std::move(path)) {
    start_backend();
    header_.reset(gguf_init_from_file(path_.c_str(), {.no_alloc = true, .ctx = nullptr}));
    if (!header_) fail(last_engine_error());
}

void GgufFile::fail(const std::string& reason) const {
    throw error(ErrorKind::Model, "{}: not a usable model: {}", path_.string(), reason);
}

std::int64_t GgufFile::find_key(const std::string& key, gguf_type type) const {
    const std::int64_t id = gguf_find_key(header_.get(), key.c_str());
    if (id < 0) fail(fmt::format("the key {} is missing", key));
    if (gguf_get_kv_type(header_.get(), id) != type) fail(fmt::format("the key {} is of another type", key));
    return id;
}

std::string GgufFile::text(const std::string& key) const {
    const std::int64_t id = gguf_find_key(header_.get(), key.c_str());
    if (id < 0 || gguf_get_kv_type(header_.get(), id) != GGUF_TYPE_STRING) return "";
    return gguf_get_val_str(header_.get(), id);
}

std::string GgufFile::shown(const std::string& key) const {
    const std::int64_t id = gguf_find_key(header_.get(), key.c_str());
    if (id < 0) return "";
    switch (gguf_get_kv_type(header_.get(), id)) {
        case GGUF_TYPE_STRING: return gguf_get_val_str(header_.get(), id);
        case GGUF_TYPE_UINT32: return std::to_string(gguf_get_val_u32(header_.get(), id));
        case GGUF_TYPE_INT32: return std::to_string(gguf_get_val_i32(header_.get(), id));
        case GGUF_TYPE_UINT64: return std::to_string(gguf_get_val_u64(header_.get(), id));
        case GGUF_TYPE_ARRAY: break;
        default: return "";
    }
    const gguf_type type = gguf_get_arr_type(header_.get(), id);
    if (type != GGUF_TYPE_INT32 && type != GGUF_TYPE_UINT32) return "";
    const auto* first = static_cast<const std::int32_t*>(gguf_get_arr_data(header_.get(), id));
    return fmt::format("[{}]", fmt::join(first, first + gguf_get_arr_n(header_.get(), id), ", "));
}

std::size_t GgufFile::count(const std::string& key) const {
    const std::int64_t id = gguf_find_key(header_.get(), key.c_str());
    const bool is_list = id >= 0 && gguf_get_kv_type(header_.get(), id) == GGUF_TYPE_ARRAY;
    return is_list ? gguf_get_arr_n(header_.get(), id) : 0;
}

std::vector<std::pair<std::string, std::uint64_t>> GgufFile::tensors() const {
    std::vector<std::pair<std::string, std::uint64_t>> all;
    for (std::int64_t id = 0; id < gguf_get_n_tensors(header_.get()); ++id)
        all.emplace_back(gguf_get_tensor_name(header_.get(), id), gguf_get_tensor_size(header_.get(), id));
    return all;
}

std::int64_t GgufFile::whole(const std::string& key) const {
    return gguf_get_val_u32(header_.get(), find_key(key, GGUF_TYPE_UINT32));
}

std::size_t GgufFile::size(const std::string& key, std::size_t most) const {
    const auto value = static_cast<std::size_t>(whole(key));
    if (value < 1 || value > most)
        fail(fmt::format("the key {} is {}, which is not between 1 and {}", key, value, most));
    return value;
}

float GgufFile::real(const std::string& key) const {
    return gguf_get_val_f32(header_.get(), find_key(key, GGUF_TYPE_FLOAT32));
}

std::int64_t GgufFile::find_array(const std::string& key, gguf_type type) const {
    const std::int64_t id = find_key(key, GGUF_TYPE_ARRAY);
    if (gguf_get_arr_type(header_.get(), id) != type) fail(fmt::format("the key {} is of another type", key));
    return id;
}

std::vector<std::string> GgufFile::texts(const std::string& key) const {
    const std::int64_t id = find_array(key, GGUF_TYPE_STRING);
    std::vector<std::string> values(gguf_get_arr_n(header_.get(), id));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = gguf_get_arr_str(header_.get(), id, i);
    return values;
}

std::vector<std::int32_t> GgufFile::integers(const std::string& key) const {
    const std::int64_t id = find_array(key, GGUF_TYPE_INT32);
    const auto* first = static_cast<const std::int32_t*>(gguf_get_arr_data(header_.get(), id));
    return {first, first + gguf_get_arr_n(header_.get(), id)};
}

std::int64_t GgufFile::find_tensor(const std::string& name) const {
    const std::int64_t id = gguf_find_tensor(header_.get(), name.c_str());
    if (id < 0) fail(fmt::format("the tensor {} is missing", name));
    return id;
}

std::size_t GgufFile::rows(const std::string& tensor) const {
    return static_cast<std::size_t>(gguf_get_tensor_ne(header_.get(), find_tensor(tensor))[1]);
}

ggml_type GgufFile::type(const std::string& tensor) const {
    return gguf_get_tensor_type(header_.get(), find_tensor(tensor));
}

std::vector<char> GgufFile::bytes(const std::string& tensor, const std::vector<std::int64_t>& sizes) const {
    const std::int64_t id = find_tensor(tensor);
    const std::int64_t* found = gguf_get_tensor_ne(header_.get(), id);
    for (std::size_t i = 0; i < GGML_MAX_DIMS; ++i) {
        if (found[i] != (i < sizes.size() ? sizes[i] : 1)) {
            fail(fmt::format("the tensor {} is [{}], its keys say [{}]", tensor,
                             fmt::join(found, found + GGML_MAX_DIMS, ", "), fmt::join(sizes, ", ")));
        }
    }
    std::vector<char> content(gguf_get_tensor_size(header_.get(), id));
    std::ifstream file(path_, std::ios::binary);
    file.seekg(
        static_cast<std::streamoff>(gguf_get_data_offset(header_.get()) + gguf_get_tensor_offset(header_.get(), id)));
    if (!file.read(content.data(), static_cast<std::streamsize>(content.size()))) {
        fail(fmt::format("the tensor {} cannot be read whole", tensor));
    }
    return content;
}

std::vector<float> GgufFile::numbers(const std::string& tensor, const std::vector<std::int64_t>& sizes) const {
    const std::vector<char> content = bytes(tensor, sizes);
    std::int64_t count = 1;
    for (const std::int64_t size : sizes) count *= size;
    std::vector<float> values(static_cast<std::size_t>(count));
    const ggml_type type = this->type(tensor);
    const ggml_type_traits* traits = ggml_get_type_traits(type);
    if (type == GGML_TYPE_F32) {
        std::copy_n(reinterpret_cast<const float*>(content.data()), values.size(), values.data());
    } else if (traits->to_float != nullptr) {
        traits->to_float(content.data(), values.data(), count);
    } else {
        fail(fmt::format("the tensor {} is of type {}, which cannot be read", tensor, ggml_type_name(type)));
    }
    return values;
}

}  // namespace urial::engine
