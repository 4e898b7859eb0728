// A kept index is a file of the cache folder, named by the hash of texts and embedder: a line of JSON with that hash,
// the sha256 of the vectors and their numbers, then the vectors as floats in the machine's order.

#include "retrieve/index.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/parallel.h"
#include "engine/engine.h"

namespace urial::retrieve {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kFormat = "urial.index/1";
/// Between two looks at whether to stop.
constexpr std::size_t kBatchTexts = 64;
constexpr std::size_t kLongestHeader = 4096;
/// Vectors that one thread compares at a time.
constexpr std::size_t kBlock = 4096;

std::string key_of(std::span<const std::string> texts, const Embedder& embedder) {
    Sha256 hash;
    hash.update(fmt::format("{}\n{}\n{}\n", kFormat, embedder.identity(), embedder.dimension()));
    for (const std::string& text : texts) {
        hash.update(fmt::format("{}\n", text.size()));
        hash.update(text);
    }
    return hash.finish_hex();
}

std::string_view bytes_of(const std::vector<float>& vectors) {
    return {reinterpret_cast<const char*>(vectors.data()), vectors.size() * sizeof(float)};
}

std::optional<std::vector<float>> read(const fs::path& path, const std::string& key, std::size_t count) {
    if (!fs::exists(path)) return std::nullopt;
    try {
        const std::string file = read_file(path);
        const std::size_t end = file.substr(0, kLongestHeader).find('\n');
        if (end == std::string::npos) return std::nullopt;
        const auto header = try_parse_json(file.substr(0, end), kRecordLimits);
        const std::string_view rest = std::string_view(file).substr(end + 1);
        const bool is_whole = header && header->is_object() && header->value("format", "") == kFormat &&
                              header->value("key", "") == key && rest.size() == count * sizeof(float) &&
                              header->value("sha256", "") == sha256_hex(rest);
        if (!is_whole) return std::nullopt;
        std::vector<float> vectors(count);
        std::memcpy(vectors.data(), rest.data(), rest.size());
        return vectors;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

void keep(const fs::path& path, const std::string& key, const std::vector<float>& vectors) {
    try {
        make_directories(path.parent_path());
        const ordered_json header{{"format", kFormat}, {"key", key}, {"sha256", sha256_hex(bytes_of(vectors))}};
        write_file_atomic(path, header.dump() + "\n" + std::string(bytes_of(vectors)));
    } catch (const Error&) {
        // It is made anew the next time.
    }
}

std::vector<float> embed_all(std::span<const std::string> texts, const Embedder& embedder,
                             const IndexOptions& options) {
    // Texts of similar length together: a batch costs what its longest text costs.
    std::vector<std::size_t> order(texts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return texts[i].size(); });
    const std::size_t dimension = embedder.dimension();
    std::vector<float> vectors(texts.size() * dimension);
    std::vector<std::string> batch;
    for (std::size_t first = 0; first < order.size(); first += kBatchTexts) {
        if (options.cancelled && options.cancelled()) throw engine::Cancelled();
        if (options.progress) options.progress(first, texts.size());
        const std::size_t count = std::min(kBatchTexts, order.size() - first);
        batch.clear();
        for (std::size_t i = 0; i < count; ++i) batch.push_back(texts[order[first + i]]);
        const std::vector<float> made = embedder.embed(batch);
        for (std::size_t i = 0; i < count; ++i) {
            std::copy_n(made.begin() + static_cast<std::ptrdiff_t>(i * dimension), dimension,
                        vectors.begin() + static_cast<std::ptrdiff_t>(order[first + i] * dimension));
        }
    }
    if (options.progress) options.progress(texts.size(), texts.size());
    return vectors;
}

/// In partial sums, so that the compiler can use vectors.
float dot(std::span<const float> a, const float* b) {
    constexpr std::size_t kSums = 16;
    float sums[kSums] = {};
    std::size_t i = 0;
    for (; i + kSums <= a.size(); i += kSums) {
        for (std::size_t k = 0; k < kSums; ++k) sums[k] += a[i + k] * b[i + k];
    }
    float sum = std::accumulate(std::begin(sums), std::end(sums), 0.0F);
    for (; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

bool is_nearer(const Index::Neighbour& a, const Index::Neighbour& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.position < b.position;
}

}  // namespace

Index Index::open(std::span<const std::string> texts, const Embedder& embedder, const IndexOptions& options) {
    Index index;
    index.dimension_ = embedder.dimension();
    index.threads_ = options.threads;
    if (!options.folder) {
        index.vectors_ = embed_all(texts, embedder, options);
        return index;
    }
    const std::string key = key_of(texts, embedder);
    const fs::path path = *options.folder / (key + ".index");
    if (auto kept = read(path, key, texts.size() * index.dimension_)) {
        index.vectors_ = std::move(*kept);
        index.was_kept_ = true;
        return index;
    }
    index.vectors_ = embed_all(texts, embedder, options);
    keep(path, key, index.vectors_);
    return index;
}

std::vector<Index::Neighbour> Index::nearest(std::span<const float> vector, std::size_t count,
                                             const std::function<bool(std::size_t)>& is_left_out) const {
    if (vector.size() != dimension_) {
        throw error(ErrorKind::BadInput, "a vector of {} numbers in an index of vectors of {}", vector.size(),
                    dimension_);
    }
    std::vector<Neighbour> all(size());
    for_each_parallel((size() + kBlock - 1) / kBlock, threads_, [&](std::size_t block) {
        for (std::size_t i = block * kBlock; i < std::min(size(), (block + 1) * kBlock); ++i) {
            const float* row = vectors_.data() + i * dimension_;
            all[i] = {i, dot(vector, row)};
        }
    });
    if (is_left_out) std::erase_if(all, [&](const Neighbour& each) { return is_left_out(each.position); });
    const std::size_t kept = std::min(count, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(), is_nearer);
    all.resize(kept);
    return all;
}

}  // namespace urial::retrieve
