#pragma once

// `urial serve`: models behind an OpenAI-compatible interface. docs/server.md describes it.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/models.h"
#include "app/prompts.h"
#include "serve/http_server.h"

namespace urial::serve {

/// A model under the name that requests give.
struct NamedModel {
    std::string name;
    std::string spec;                   ///< a model spec, or the name of another of the models: its weights
    std::vector<std::string> adapters;  ///< FILE[:SCALE]
};

struct ServeOptions {
    std::vector<NamedModel> models;          ///< at least one; the first is the default
    std::vector<app::PromptChoice> prompts;  ///< at least one; the first is the default
    app::ModelChoice loading;                ///< of all models, but for model and adapters
    int parallel = 16;                       ///< answers of one model at the same time
    int context = 0;                         ///< tokens of one request; 0: what the model was trained for, at most 4096
    int cache_tokens = 0;                    ///< cells of one model's session; 0: enough for all that
    std::size_t most_waiting = 256;          ///< requests for one model, beyond those under way
    bool sharing = true;                     ///< what one request has computed may serve the next
    bool metrics = false;                    ///< GET /metrics
    std::filesystem::path data;              ///< folder of the conversations; empty: in memory
    bool needs_data = true;                  ///< false: in memory, with a warning, where another server has the folder
                                             ///< or it cannot be written
    HttpServerOptions http;
    std::function<void(std::string_view)> log;  ///< sizes, ids and names of fields; may be empty; called on any thread
    std::function<void(std::string_view)> warning;  ///< for the person who starts it; may be empty
};

/// Listens from its construction on, answers "loading" until load() has ended.
class Server {
public:
    /// Throws what HttpServer and store::ConversationStore throw, and Error{BadInput|NotFound} for models and prompts
    /// that cannot be.
    explicit Server(ServeOptions options);
    ~Server();

    std::uint16_t port() const;
    /// Loads the models and reads the prompts that were named. Throws what app::open_model() and sessions throw, and
    /// engine::Cancelled.
    void load(const app::Callbacks& callbacks);
    /// Until stop(); on the calling thread. What is under way then may end, but for answers of conversations: what they
    /// have said is kept.
    void run();
    /// Thread-safe. A second call ends at once.
    void stop();
    /// Every name that a request may give.
    std::vector<std::string> names() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace urial::serve
