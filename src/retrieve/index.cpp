// A kept index is the file of its vectors, and for the graph a second one behind the same name:
//
//   "URIALVEC", u32 version, u32 dimension, u64 texts, 64 characters: sha256 of the numbers; then the f32 numbers
//   "URIALGRF", u32 version, 64 characters: sha256 of the rest; then what hnswlib saves
//
// hnswlib takes what it loads for granted: it is given a file of its own only when the hash was right.

#include "retrieve/index.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#define NO_MANUAL_VECTORIZATION  // what hnswlib fetches ahead there lies beyond its memory
#include <hnswlib/hnswlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/parallel.h"

namespace urial::retrieve {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kVectorsMark = "URIALVEC";
constexpr std::string_view kGraphMark = "URIALGRF";

/// In sixteen sums, which the compiler keeps in a vector.
float product(const float* a, const float* b, std::size_t count) {
    constexpr std::size_t kSums = 16;
    float sums[kSums] = {};
    std::size_t i = 0;
    for (; i + kSums <= count; i += kSums) {
        for (std::size_t k = 0; k < kSums; ++k) sums[k] += a[i + k] * b[i + k];
    }
    for (; i < count; ++i) sums[0] += a[i] * b[i];
    float total = 0;
    for (const float sum : sums) total += sum;
    return total;
}

bool is_nearer(const Neighbour& a, const Neighbour& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.position < b.position;
}

class ExactIndex final : public Index {
public:
    ExactIndex(std::vector<float> vectors, std::size_t dimension, int threads)
        : vectors_(std::move(vectors)), dimension_(dimension), threads_(threads) {}
    std::size_t size() const override { return vectors_.size() / dimension_; }
    std::size_t dimension() const override { return dimension_; }
    bool is_exact() const override { return true; }

    std::vector<Neighbour> nearest(std::span<const float> vector, std::size_t count,
                                   const std::function<bool(std::size_t)>& is_left_out) const override {
        constexpr std::size_t kPiece = 4096;
        std::vector<Neighbour> all(size());
        for_each_parallel((all.size() + kPiece - 1) / kPiece, threads_, [&](std::size_t piece) {
            for (std::size_t i = piece * kPiece; i < std::min(all.size(), (piece + 1) * kPiece); ++i)
                all[i] = {i, product(vector.data(), &vectors_[i * dimension_], dimension_)};
        });
        if (is_left_out) std::erase_if(all, [&](const Neighbour& one) { return is_left_out(one.position); });
        const std::size_t kept = std::min(count, all.size());
        std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(), is_nearer);
        all.resize(kept);
        return all;
    }

private:
    std::vector<float> vectors_;
    std::size_t dimension_;
    int threads_;
};

class GraphIndex final : public Index {
public:
    static constexpr std::size_t kLinks = 32;
    static constexpr std::size_t kBreadth = 200;  // of the search while building
    static constexpr std::size_t kLeastBreadth = 128;

    /// Built.
    GraphIndex(std::span<const float> vectors, std::size_t dimension, const IndexOptions& options)
        : dimension_(dimension), space_(dimension), graph_(&space_, vectors.size() / dimension, kLinks, kBreadth) {
        constexpr std::size_t kPiece = 1024;
        const std::size_t texts = vectors.size() / dimension;
        for (std::size_t first = 0; first < texts; first += kPiece) {
            if (options.watch.cancelled && options.watch.cancelled()) throw engine::Cancelled();
            for_each_parallel(std::min(kPiece, texts - first), options.threads, [&](std::size_t i) {
                graph_.addPoint(const_cast<float*>(&vectors[(first + i) * dimension]), first + i);
            });
            if (options.watch.progress) options.watch.progress(std::min(first + kPiece, texts), texts);
        }
    }
    /// Loaded from what save() wrote.
    GraphIndex(const fs::path& path, std::size_t dimension)
        : dimension_(dimension), space_(dimension), graph_(&space_, path.string()) {}
    void save(const fs::path& path) { graph_.saveIndex(path.string()); }

    std::size_t size() const override { return graph_.cur_element_count; }
    std::size_t dimension() const override { return dimension_; }
    bool is_exact() const override { return false; }

    std::vector<Neighbour> nearest(std::span<const float> vector, std::size_t count,
                                   const std::function<bool(std::size_t)>& is_left_out) const override {
        // The breadth of a search is at least what is asked of it: more is asked for and the nearest are kept.
        auto far = graph_.searchKnn(vector.data(), std::min(size(), std::max(2 * count, kLeastBreadth)));
        std::vector<Neighbour> near;
        for (; !far.empty(); far.pop()) {
            const Neighbour one{far.top().second, 1 - far.top().first};
            if (!is_left_out || !is_left_out(one.position)) near.push_back(one);
        }
        std::ranges::sort(near, is_nearer);
        near.resize(std::min(count, near.size()));
        return near;
    }

private:
    std::size_t dimension_;
    hnswlib::InnerProductSpace space_;
    hnswlib::HierarchicalNSW<float> graph_;
};

template <class Number>
void put(std::string& target, Number number) {
    target.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string_view bytes_of(std::span<const float> numbers) {
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

std::string vectors_header(std::span<const float> vectors, std::size_t dimension) {
    std::string header(kVectorsMark);
    put(header, kVersion);
    put(header, static_cast<std::uint32_t>(dimension));
    put(header, std::uint64_t{vectors.size() / dimension});
    return header + sha256_hex(bytes_of(vectors));
}

/// The kept vectors; nullopt where there are none or they are damaged.
std::optional<std::vector<float>> read_vectors(const fs::path& path, std::size_t texts, std::size_t dimension) {
    std::vector<float> vectors(texts * dimension);
    std::ifstream file(path, std::ios::binary);
    std::string header(vectors_header({}, dimension).size(), '\0');
    if (!file.read(header.data(), static_cast<std::streamsize>(header.size()))) return std::nullopt;
    if (!file.read(reinterpret_cast<char*>(vectors.data()),
                   static_cast<std::streamsize>(vectors.size() * sizeof(float))))
        return std::nullopt;
    if (file.peek() != std::ifstream::traits_type::eof() || header != vectors_header(vectors, dimension)) {
        return std::nullopt;
    }
    return vectors;
}

void write_vectors(const fs::path& path, std::span<const float> vectors, std::size_t dimension) {
    AtomicFile file(path);
    file.write(vectors_header(vectors, dimension));
    file.write(bytes_of(vectors));
    file.commit();
}

std::string graph_header(std::string_view graph) {
    std::string header(kGraphMark);
    put(header, kVersion);
    return header + sha256_hex(graph);
}

/// A file that goes with its object, beside `path`.
class PassingFile {
public:
    explicit PassingFile(const fs::path& path) : path_(fmt::format("{}.{}.tmp", path.string(), ::getpid())) {}
    ~PassingFile() {
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    PassingFile(const PassingFile&) = delete;
    PassingFile& operator=(const PassingFile&) = delete;
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

std::shared_ptr<const Index> read_graph(const fs::path& path, std::size_t texts, std::size_t dimension) {
    std::error_code none;
    if (!fs::exists(path, none)) return nullptr;
    try {
        const std::string content = read_file(path, std::size_t{1} << 40);
        const std::size_t header = graph_header("").size();
        if (content.size() < header) return nullptr;
        const std::string_view graph = std::string_view(content).substr(header);
        if (content.substr(0, header) != graph_header(graph)) return nullptr;
        const PassingFile passing(path);
        write_file_atomic(passing.path(), graph);
        auto index = std::make_shared<GraphIndex>(passing.path(), dimension);
        return index->size() == texts ? index : nullptr;
    } catch (const std::exception&) {  // built anew
        return nullptr;
    }
}

void write_graph(const fs::path& path, GraphIndex& index) {
    const PassingFile passing(path);
    index.save(passing.path());
    const std::string graph = read_file(passing.path(), std::size_t{1} << 40);
    AtomicFile file(path);
    file.write(graph_header(graph));
    file.write(graph);
    file.commit();
}

std::string key_of(const Embedder& embedder, std::span<const std::string> texts) {
    Sha256 hash;
    hash.update(fmt::format("{} {}\n", kVersion, embedder.identity()));
    for (const std::string& text : texts) {
        hash.update(fmt::format("{}\n", text.size()));
        hash.update(text);
    }
    return hash.finish_hex();
}

/// What cannot be kept is no error.
template <class Write>
void keep(const IndexOptions& options, const Write& write) {
    if (!options.folder) return;
    try {
        make_directories(*options.folder, 0700);
        write();
    } catch (const std::exception& failure) {
        if (options.watch.warning) options.watch.warning(fmt::format("the index is not kept: {}", failure.what()));
    }
}

class EncoderEmbedder final : public Embedder {
public:
    explicit EncoderEmbedder(std::shared_ptr<const engine::Encoder> encoder) : encoder_(std::move(encoder)) {}
    std::string identity() const override {
        const engine::EncoderInfo& info = encoder_->info();
        return fmt::format("{} {} {}", info.content_hash, engine::traits(info.arithmetic).name, info.most_tokens);
    }
    std::size_t dimension() const override { return encoder_->info().dimension; }
    std::vector<float> embed(std::span<const std::string> texts, const engine::EncodeOptions& options) const override {
        return encoder_->encode(texts, options);
    }

private:
    std::shared_ptr<const engine::Encoder> encoder_;
};

}  // namespace

std::shared_ptr<const Embedder> embedder_of(std::shared_ptr<const engine::Encoder> encoder) {
    return std::make_shared<EncoderEmbedder>(std::move(encoder));
}

std::shared_ptr<const Index> open_index(const Embedder& embedder, std::span<const std::string> texts,
                                        const IndexOptions& options) {
    const std::size_t dimension = embedder.dimension();
    const bool is_exact = texts.size() <= options.most_exact;
    const fs::path base = options.folder ? *options.folder / key_of(embedder, texts) : fs::path();
    const fs::path vectors_path = base.string() + ".vectors";
    const fs::path graph_path = base.string() + ".graph";
    if (options.folder && !is_exact) {
        if (auto kept = read_graph(graph_path, texts.size(), dimension)) return kept;
    }
    std::optional<std::vector<float>> vectors;
    if (options.folder) vectors = read_vectors(vectors_path, texts.size(), dimension);
    if (!vectors) {
        engine::EncodeOptions encoding;
        encoding.threads = options.threads;
        encoding.watch = options.watch;
        vectors = embedder.embed(texts, encoding);
        keep(options, [&] { write_vectors(vectors_path, *vectors, dimension); });
    } else if (options.watch.detail) {
        options.watch.detail(
            fmt::format("the vectors of {} texts are those of {}", texts.size(), vectors_path.string()));
    }
    if (is_exact) return std::make_shared<ExactIndex>(std::move(*vectors), dimension, options.threads);
    auto graph = std::make_shared<GraphIndex>(*vectors, dimension, options);
    keep(options, [&] { write_graph(graph_path, *graph); });
    return graph;
}

}  // namespace urial::retrieve
