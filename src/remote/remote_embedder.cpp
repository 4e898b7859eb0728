#include "remote/remote_embedder.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace urial::remote {
namespace {

using nlohmann::ordered_json;

/// Texts of one request: every server takes as many.
constexpr std::size_t kTextsAtOnce = 32;

/// The numbers of one vector, made of length 1; what is wrong with it is thrown as text.
std::vector<float> read_vector(const ordered_json& entry, std::size_t dimension) {
    const auto found = entry.find("embedding");
    if (found == entry.end() || !found->is_array()) throw std::string("a text has no list of numbers as its vector");
    if (found->empty() || (dimension > 0 && found->size() != dimension)) {
        throw fmt::format("a vector has {} numbers, another {}", found->size(), dimension);
    }
    std::vector<float> vector;
    double squares = 0;
    for (const ordered_json& number : *found) {
        if (!number.is_number()) throw std::string("a vector has something else than numbers");
        vector.push_back(number.get<float>());
        squares += double{vector.back()} * vector.back();
    }
    if (!std::isfinite(squares) || squares == 0) throw std::string("a vector has no length");
    for (float& number : vector) number = static_cast<float>(number / std::sqrt(squares));
    return vector;
}

/// The vectors of a reply in the order of its texts, which it gives by their numbers.
std::vector<float> read_vectors(const std::string& body, std::size_t count, std::size_t dimension) {
    const ordered_json reply = try_parse_json(body).value_or(nullptr);
    if (!reply.is_object() || !reply.contains("data") || !reply["data"].is_array()) {
        throw std::string("the reply is no list of vectors");
    }
    std::vector<std::vector<float>> vectors(count);
    for (const ordered_json& entry : reply["data"]) {
        if (!entry.is_object()) throw std::string("the reply is no list of vectors");
        const ordered_json index = entry.value("index", ordered_json());
        if (!index.is_number_unsigned() || index.get<std::size_t>() >= count || !vectors[index].empty()) {
            throw fmt::format("a vector is that of text {}, of {}", printable(index.dump()), count);
        }
        vectors[index] = read_vector(entry, dimension);
        dimension = vectors[index].size();
    }
    std::vector<float> all;
    for (const std::vector<float>& vector : vectors) {
        if (vector.empty()) throw std::string("a text has no vector");
        all.insert(all.end(), vector.begin(), vector.end());
    }
    return all;
}

class RemoteEmbedder final : public retrieve::Embedder {
public:
    explicit RemoteEmbedder(RemoteEmbedderOptions options)
        : options_(std::move(options)),
          client_({options_.server}, {.timeout = options_.timeout, .retry = options_.retry}) {
        const std::string probe = "text";
        dimension_ = ask({&probe, 1}, options_.cancelled).size();
    }

    std::string identity() const override {
        return fmt::format("{}#{} {}", options_.server.base_url, options_.model, dimension_);
    }
    std::size_t dimension() const override { return dimension_; }
    std::vector<float> embed(std::span<const std::string> texts, const engine::EncodeOptions& options) const override {
        std::vector<float> all;
        all.reserve(texts.size() * dimension_);
        for (std::size_t i = 0; i < texts.size(); i += kTextsAtOnce) {
            const std::vector<float> some =
                ask(texts.subspan(i, std::min(kTextsAtOnce, texts.size() - i)), options.watch.cancelled);
            all.insert(all.end(), some.begin(), some.end());
            if (options.watch.progress) options.watch.progress(all.size() / dimension_, texts.size());
        }
        return all;
    }

private:
    std::vector<float> ask(std::span<const std::string> texts, const std::function<bool()>& cancelled) const {
        const ordered_json body{{"model", options_.model}, {"input", texts}, {"encoding_format", "float"}};
        const std::string sent = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
        const auto is_stopped = [&] { return cancelled && cancelled(); };
        const auto on_tick = [&] {
            if (is_stopped()) throw engine::Cancelled();
        };
        std::vector<float> vectors;
        const auto attempt = [&](const http::Channel& channel) {
            const http::Reply reply = channel.post("/embeddings", sent, {}, on_tick);
            http::Attempt made = http::attempt_of(reply);
            if (made.outcome == http::Outcome::Refused) {
                http::check_status(reply, channel.server(), options_.model);
                throw error(ErrorKind::BadInput, "{} refuses to embed by {}: {}", channel.server().base_url,
                            printable(options_.model), http::short_message(reply, channel.server()));
            }
            if (made.outcome == http::Outcome::Done) {
                try {
                    vectors = read_vectors(reply.body, texts.size(), dimension_);
                } catch (const std::string& problem) {
                    made = {.outcome = http::Outcome::Broken, .reason = problem};
                }
            }
            return made;
        };
        const std::optional<http::Attempt> last = client_.run(attempt, options_.timeout, is_stopped);
        if (!last) throw engine::Cancelled();
        if (last->outcome != http::Outcome::Done) {
            throw error(ErrorKind::Unavailable, "{} does not embed by {}: {}", options_.server.base_url,
                        printable(options_.model), client_.redact(last->reason));
        }
        return vectors;
    }

    RemoteEmbedderOptions options_;
    mutable http::Client client_;  // safe for threads by itself
    std::size_t dimension_ = 0;    // 0 until the first reply
};

}  // namespace

std::shared_ptr<const retrieve::Embedder> remote_embedder(RemoteEmbedderOptions options) {
    return std::make_shared<RemoteEmbedder>(std::move(options));
}

}  // namespace urial::remote
