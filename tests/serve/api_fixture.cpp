#include "serve/api_fixture.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "base/text.h"

namespace urial::test {
namespace {

serve::HttpServerOptions any_port(serve::HttpServerOptions options) {
    options.port = 0;
    return options;
}

std::unique_ptr<serve::ServedModel> served(const ServedScript& script) {
    serve::ServedModel::Options options;
    options.name = script.name;
    options.session.sequences = 4;
    options.session.threads = 1;  // rows are small here, and threads that wait for each other are not
    options.session.prefixes = 8;
    options.session.context_tokens = 8000;
    options.session.logit_rows = 16;
    options.context_tokens = 1000;
    options.most_waiting = 64;
    options.shares = script.shares;
    return std::make_unique<serve::ServedModel>(script.model, options);
}

}  // namespace

Script echoing_script() {
    return answer_after("A: ", [](std::string_view prompt) {
        const std::size_t query = prompt.rfind("Q: ");
        const std::string_view text = prompt.substr(query + 3, prompt.size() - query - 3 - 4);  // without "\nA: "
        return "echo: " + std::string(text);
    });
}

ApiFixture::ApiFixture(std::vector<ServedScript> models, bool is_ready, serve::HttpServerOptions http,
                       store::StoreOptions store, serve::DeskOptions desk)
    : server_(any_port(std::move(http)), serve::routes(api)), thread_([this] { server_.run(); }) {
    std::vector<std::unique_ptr<serve::ServedModel>> catalog;
    for (const ServedScript& script : models) catalog.push_back(served(script));
    std::vector<serve::OfferedPrompt> prompts{
        {"small", "a test's prompt", [](const engine::Model&) { return small_prompt(); }},
        {"raw", "nothing", [](const engine::Model&) { return prompt::builtin("raw"); }}};
    api.catalog = std::make_unique<serve::Catalog>(std::move(catalog), std::move(prompts));
    api.shift = std::make_unique<serve::ShiftDesk>();
    api.store = std::make_unique<store::ConversationStore>(std::move(store));
    api.answers = std::make_unique<serve::AnswerDesk>(*api.store, std::move(desk));
    api.is_ready = is_ready;
}

ApiFixture::~ApiFixture() {
    server_.stop();
    server_.stop();
    thread_.join();
}

std::string ApiFixture::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + path;
}

bool ApiFixture::comes_to_rest() const {
    const auto is_at_rest = [this] {
        return api.metrics.running == 0 && std::ranges::all_of(api.catalog->models(), [](const auto& model) {
                   return model->worker().load() == 0;
               });
    };
    for (int i = 0; i < 200 && !is_at_rest(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return is_at_rest();
}

http::Reply ApiFixture::post_text(const std::string& path, const std::string& body) const {
    return http::post({.url = url(path), .bearer = {}, .body = body, .on_body = {}, .on_tick = {}});
}

http::Reply ApiFixture::get(const std::string& path) const {
    http::Reply whole;
    std::string body;
    whole = http::get({.url = url(path),
                       .bearer = {},
                       .on_body =
                           [&](const http::Reply&, std::string_view piece) {
                               body += piece;
                               return true;
                           },
                       .on_tick = {}});
    if (whole.body.empty()) whole.body = body;
    return whole;
}

std::vector<std::string> ApiFixture::stream(const std::string& path, serve::Json body) const {
    body["stream"] = true;
    const http::Reply reply = post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body << reply.failure;
    EXPECT_TRUE(reply.headers.at("content-type").starts_with("text/event-stream"));
    std::vector<std::string> events;
    for (const std::string_view line : split(reply.body, '\n')) {
        if (line.starts_with("data: ")) events.emplace_back(line.substr(6));
    }
    return events;
}

serve::Json json_of(const http::Reply& reply) {
    EXPECT_EQ(reply.failure, "");
    return parse_json(reply.body);
}

serve::Json chat_body(const std::string& text, serve::Json members) {
    members["messages"] = serve::Json::array({{{"role", "user"}, {"content", text}}});
    members.emplace("temperature", 0);
    return members;
}

}  // namespace urial::test
