#pragma once

// An encoder on a server, by /embeddings of its OpenAI-compatible interface.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "retrieve/index.h"

namespace urial::remote {

struct RemoteEmbedderOptions {
    http::Server server;
    std::string model;                           ///< as the server names it
    std::chrono::milliseconds timeout{600'000};  ///< the most that one request may take, with all tries
    http::RetryOptions retry;
    std::function<bool()> cancelled;  ///< asked at least once a second during the first request
};

/// Asks for one vector, to see that all is well and how long vectors are. Any length is made 1. A text that is longer
/// than the server's encoder takes is refused by most servers, which ends embed(): nothing is cut here. Both throw
/// Error{Unavailable} for a server that is not there or fails again and again, Error{NotFound|BadInput} where it
/// refuses, and engine::Cancelled.
std::shared_ptr<const retrieve::Embedder> remote_embedder(RemoteEmbedderOptions options);

}  // namespace urial::remote
