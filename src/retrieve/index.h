#pragma once

// The vectors of a pool's questions, and which of them are nearest to a query. Searched exactly: of 100,000 questions
// in milliseconds. Immutable once made.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace urial::retrieve {

/// What turns texts into vectors. Any thread.
class Embedder {
public:
    virtual ~Embedder() = default;
    /// What the vectors depend on, the model's hash: another identity, another index.
    virtual const std::string& identity() const = 0;
    virtual std::size_t dimension() const = 0;
    /// [texts, dimension], each of length 1. Throws what the engine or the server throws.
    virtual std::vector<float> embed(std::span<const std::string> texts) const = 0;
};

struct IndexOptions {
    std::optional<std::filesystem::path> folder;  ///< where indexes are kept; nullopt: nowhere
    int threads = 0;                              ///< of a search; 0: one per core
    std::function<void(std::uint64_t done, std::uint64_t total)> progress;  ///< texts, between batches
    std::function<bool()> cancelled;  ///< asked between batches; true ends the work with engine::Cancelled
};

class Index {
public:
    struct Neighbour {
        std::size_t position = 0;  ///< of the text, in the order in which they were given
        float similarity = 0;      ///< cosine
    };

    /// From the folder where it is there for these texts and this embedder, else made and kept. A file that cannot be
    /// read is made anew; one that cannot be written is no error.
    static Index open(std::span<const std::string> texts, const Embedder& embedder, const IndexOptions& options);

    /// The `count` nearest to a vector of length 1, the nearest first, of equals the earlier one, without those that
    /// `is_left_out`.
    std::vector<Neighbour> nearest(std::span<const float> vector, std::size_t count,
                                   const std::function<bool(std::size_t position)>& is_left_out) const;

    std::size_t size() const { return dimension_ == 0 ? 0 : vectors_.size() / dimension_; }
    bool was_kept() const { return was_kept_; }

private:
    std::size_t dimension_ = 0;
    int threads_ = 0;
    std::vector<float> vectors_;  // [size, dimension]
    bool was_kept_ = false;
};

}  // namespace urial::retrieve
