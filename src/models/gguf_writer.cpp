#include "models/gguf_writer.h"

#include <cassert>
#include <cstring>

#include "base/files.h"
#include "models/float_bits.h"
#include "models/gguf_metadata.h"

namespace urial::models {
namespace {

constexpr std::uint64_t kAlignment = 32;

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

template <class Number>
void put(std::string& target, Number number) {
    target.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& target, std::string_view text) {
    put(target, std::uint64_t{text.size()});
    target += text;
}

void put_key(std::string& target, std::string_view key, ValueType type) {
    put_text(target, key);
    put(target, static_cast<std::uint32_t>(type));
}

void put_array(std::string& target, std::string_view key, ValueType type, std::size_t count) {
    put_key(target, key, ValueType::Array);
    put(target, static_cast<std::uint32_t>(type));
    put(target, std::uint64_t{count});
}

}  // namespace

void GgufWriter::text(std::string_view key, std::string_view value) {
    put_key(pairs_, key, ValueType::String);
    put_text(pairs_, value);
    ++pair_count_;
}

void GgufWriter::number(std::string_view key, std::uint32_t value) {
    put_key(pairs_, key, ValueType::U32);
    put(pairs_, value);
    ++pair_count_;
}

void GgufWriter::real(std::string_view key, float value) {
    put_key(pairs_, key, ValueType::F32);
    put(pairs_, value);
    ++pair_count_;
}

void GgufWriter::texts(std::string_view key, const std::vector<std::string>& values) {
    put_array(pairs_, key, ValueType::String, values.size());
    for (const std::string& value : values) put_text(pairs_, value);
    ++pair_count_;
}

void GgufWriter::integers(std::string_view key, const std::vector<std::int32_t>& values) {
    put_array(pairs_, key, ValueType::I32, values.size());
    for (const std::int32_t value : values) put(pairs_, value);
    ++pair_count_;
}

void GgufWriter::tensor(std::string name, std::vector<std::uint64_t> sizes, TensorType type,
                        std::function<std::vector<float>()> numbers) {
    std::uint64_t bytes = type == TensorType::F32 ? 4 : 2;
    for (const std::uint64_t size : sizes) bytes *= size;
    tensors_.push_back({std::move(name), std::move(sizes), type, std::move(numbers), bytes});
}

void GgufWriter::write(const std::filesystem::path& path,
                       const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) const {
    std::string header = "GGUF";
    put(header, std::uint32_t{3});
    put(header, std::uint64_t{tensors_.size()});
    put(header, pair_count_);
    header += pairs_;
    std::uint64_t total = 0;
    for (const Tensor& tensor : tensors_) {
        put_text(header, tensor.name);
        put(header, static_cast<std::uint32_t>(tensor.sizes.size()));
        for (const std::uint64_t size : tensor.sizes) put(header, size);
        put(header, static_cast<std::uint32_t>(tensor.type));
        put(header, total);
        total += aligned(tensor.bytes);
    }
    header.resize(aligned(header.size()), '\0');

    AtomicFile file(path);
    file.write(header);
    std::uint64_t done = 0;
    for (const Tensor& tensor : tensors_) {
        const std::vector<float> numbers = tensor.numbers();
        std::string data(aligned(tensor.bytes), '\0');
        if (tensor.type == TensorType::F32) {
            assert(numbers.size() * sizeof(float) == tensor.bytes);
            std::memcpy(data.data(), numbers.data(), tensor.bytes);
        } else {
            assert(numbers.size() * sizeof(std::uint16_t) == tensor.bytes);
            for (std::size_t i = 0; i < numbers.size(); ++i) {
                const std::uint16_t half = to_f16(numbers[i]);
                std::memcpy(&data[i * sizeof half], &half, sizeof half);
            }
        }
        file.write(data);
        done += data.size();
        if (progress) progress(done, total);
    }
    file.commit();
}

}  // namespace urial::models
