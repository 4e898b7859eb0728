#pragma once

// The endpoints over scripted models, behind the real HTTP server on a free port.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/http.h"
#include "serve/api.h"
#include "serve/http_server.h"
#include "support/scripted_model.h"

namespace urial::test {

/// Answers "echo: " and the last query, under each of the prompts "small" (the default) and "raw".
Script echoing_script();

struct ServedScript {
    std::string name = "scripted";
    std::shared_ptr<ScriptedModel> model;
    bool shares = true;
};

class ApiFixture {
public:
    explicit ApiFixture(std::vector<ServedScript> models, bool is_ready = true, serve::HttpServerOptions http = {},
                        store::StoreOptions store = {}, serve::DeskOptions desk = {});
    ApiFixture() : ApiFixture({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}) {}
    ~ApiFixture();

    http::Reply post(const std::string& path, const serve::Json& body) const { return post_text(path, body.dump()); }
    http::Reply post_text(const std::string& path, const std::string& body) const;
    http::Reply get(const std::string& path) const;
    /// The "data:" lines of a stream, whose reply must be 200.
    std::vector<std::string> stream(const std::string& path, serve::Json body) const;
    std::string url(const std::string& path) const;
    std::uint16_t port() const { return server_.port(); }
    /// Nothing runs or waits in any model; waits up to a second for it.
    bool comes_to_rest() const;

    serve::Api api{.shows_metrics = true};

private:
    serve::HttpServer server_;
    std::thread thread_;
};

serve::Json json_of(const http::Reply& reply);

/// {"messages": [{"role": "user", "content": TEXT}]} and the given members; greedy unless they say otherwise: what the
/// script says leads by 10 logits, of 90 sampled tokens one would be another.
serve::Json chat_body(const std::string& text, serve::Json members = serve::Json::object());

}  // namespace urial::test
