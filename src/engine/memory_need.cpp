#include "engine/memory_need.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace urial::engine {
namespace {

constexpr std::uint64_t kFloat = sizeof(float);
/// Tensors of a layer that live at the same time, in numbers per row: of the embedding's and of the feed-forward width.
constexpr std::uint64_t kLiveEmbeddings = 6;
constexpr std::uint64_t kLiveFeedForwards = 2;

/// Sizes beyond 64 bits stay at the largest number: they are refused anyway.
std::uint64_t product(std::initializer_list<std::uint64_t> factors) {
    std::uint64_t result = 1;
    for (const std::uint64_t factor : factors) {
        if (factor != 0 && result > std::numeric_limits<std::uint64_t>::max() / 8 / factor) {
            return std::numeric_limits<std::uint64_t>::max() / 8;
        }
        result *= factor;
    }
    return result;
}

/// Of what lies in `of` layers the part that is in `layers` of them.
std::uint64_t share(std::uint64_t bytes, int layers, int of) {
    return bytes / static_cast<std::uint64_t>(of) * static_cast<std::uint64_t>(layers);
}

/// The numbers of a text such as "4" or "[1, 2, 1]".
std::vector<std::uint64_t> numbers_in(std::string_view text) {
    std::vector<std::uint64_t> numbers;
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        std::uint64_t value = 0;
        const auto [next, failure] = std::from_chars(at, end, value);
        at = failure == std::errc() ? next : at + 1;
        if (failure == std::errc()) numbers.push_back(value);
    }
    return numbers;
}

std::optional<std::string> text_of(const fs::path& path) {
    try {
        return read_file(path);
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// The number behind `key` and blanks, at the beginning of a line.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
    for (std::string_view line : split(text, '\n')) {
        if (!line.starts_with(key)) continue;
        line = trim(line.substr(key.size()));
        std::uint64_t value = 0;
        if (std::from_chars(line.data(), line.data() + line.size(), value).ec == std::errc()) return value;
    }
    return std::nullopt;
}

/// What the control group of this folder leaves; its file cache can be dropped. nullopt: no limit.
std::optional<std::uint64_t> left_in_group(const fs::path& group) {
    const auto limit = text_of(group / "memory.max");
    const auto used = text_of(group / "memory.current");
    if (!limit || !used) return std::nullopt;
    const auto most = number_after(*limit, "");
    const auto taken = number_after(*used, "");
    if (!most || !taken) return std::nullopt;
    const std::string statistics = text_of(group / "memory.stat").value_or("");
    const std::uint64_t file_cache =
        number_after(statistics, "inactive_file ").value_or(0) + number_after(statistics, "active_file ").value_or(0);
    const std::uint64_t held = *taken - std::min(*taken, file_cache);
    return *most - std::min(*most, held);
}

}  // namespace

MemoryShape shape_of(const std::function<std::string(const std::string& key)>& text, std::uint64_t vocabulary) {
    const std::string architecture = text("general.architecture");
    const auto numbers = [&](const char* key) { return numbers_in(text(architecture + key)); };
    // Lists have a number for each layer.
    const auto largest = [&](const char* key) {
        const std::vector<std::uint64_t> values = numbers(key);
        return values.empty() ? 0 : *std::ranges::max_element(values);
    };
    MemoryShape shape;
    shape.vocabulary = vocabulary;
    shape.embedding = largest(".embedding_length");
    shape.feed_forward = largest(".feed_forward_length");
    shape.heads = largest(".attention.head_count");
    const std::uint64_t usual = shape.heads > 0 ? shape.embedding / shape.heads : 0;
    const auto length = [&](const char* key) {
        const std::uint64_t given = largest(key);
        return given > 0 ? given : usual;
    };
    const std::vector<std::uint64_t> groups = numbers(".attention.head_count_kv");
    std::uint64_t all_groups = std::accumulate(groups.begin(), groups.end(), std::uint64_t{0});
    if (groups.size() < 2) all_groups = largest(".block_count") * (groups.empty() ? shape.heads : groups.front());
    shape.cell_numbers = all_groups * (length(".attention.key_length") + length(".attention.value_length"));
    return shape;
}

std::uint64_t logit_row_bytes(const MemoryShape& shape) { return shape.vocabulary * kFloat; }

MemoryNeed on_devices(const MemoryNeed& need, int layers, int of) {
    return {.cache = share(need.cache, layers, of), .buffers = need.buffers};
}

MemoryNeed beside_devices(const MemoryNeed& need, int layers, int of, std::uint64_t output_bytes) {
    const int rest = of - layers;
    return {.weights = share(need.weights, rest, of),
            .cache = share(need.cache, rest, of),
            .buffers = layers == of ? output_bytes : need.buffers};
}

MemoryNeed estimate_memory(const MemoryShape& shape) {
    MemoryNeed need;
    need.weights = shape.weight_bytes;
    need.cache = product({shape.cells, shape.cell_numbers, shape.number_bytes});
    // The engine keeps logits where they are computed and where they are read.
    need.buffers =
        product({2, shape.logit_rows, shape.vocabulary, kFloat}) +
        product({shape.rows, kLiveEmbeddings * shape.embedding + kLiveFeedForwards * shape.feed_forward, kFloat}) +
        product({shape.rows, shape.cells, kFloat});  // the attention's mask
    if (!shape.flash_attention) need.buffers += product({shape.rows, shape.cells, shape.heads, kFloat});
    return need;
}

std::string describe(const MemoryNeed& need, std::uint64_t cells) {
    const auto bytes = [](std::uint64_t count) { return human_bytes(static_cast<double>(count)); };
    const std::string weights = need.weights > 0 ? bytes(need.weights) + " weights, " : "";
    return fmt::format("{} ({}{} cache of {} tokens, {} buffers)", bytes(need.total()), weights, bytes(need.cache),
                       cells, bytes(need.buffers));
}

std::optional<std::uint64_t> available_memory(const fs::path& root) {
    std::optional<std::uint64_t> available;
    if (const auto kilobytes = number_after(text_of(root / "proc/meminfo").value_or(""), "MemAvailable:")) {
        available = *kilobytes * 1024;
    }
    // "0::/user.slice/session": the group of this process in the unified hierarchy. Its parents limit it too.
    const std::string own_groups = text_of(root / "proc/self/cgroup").value_or("");
    for (const std::string_view line : split(own_groups, '\n')) {
        if (!line.starts_with("0::/")) continue;
        const fs::path groups = root / "sys/fs/cgroup";
        for (fs::path group = line.substr(4);; group = group.parent_path()) {
            if (const auto left = left_in_group(groups / group)) {
                available = std::min(*left, available.value_or(*left));
            }
            if (group.empty()) break;
        }
    }
    return available;
}

}  // namespace urial::engine
