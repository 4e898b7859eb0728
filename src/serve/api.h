#pragma once

// The endpoints: each handler parses, calls one function, and answers. One file each.

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "serve/answer_desk.h"
#include "serve/catalog.h"
#include "serve/fields.h"
#include "serve/http_server.h"
#include "serve/metrics.h"
#include "serve/shift_desk.h"
#include "store/conversation_store.h"

namespace urial::serve {

/// What the endpoints stand on; outlives them.
struct Api {
    std::atomic<bool> is_ready{false};  ///< until then there is no catalog, and all but a few answer 503
    bool shows_metrics = false;
    std::function<void(std::string_view)> log;  ///< a line of sizes, ids and names of fields; may be empty
    Metrics metrics;
    std::unique_ptr<store::ConversationStore> store;
    std::unique_ptr<Catalog> catalog;  // these end first, the last before the others: their threads use what is above
    std::unique_ptr<ShiftDesk> shift;
    std::unique_ptr<AnswerDesk> answers;
};

void chat_completions(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void completions(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void list_models(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void show_model(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void list_prompts(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void show_prompt(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void render(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void tokenize(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void detokenize(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void tokenizer_info(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void compare(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);

void list_conversations(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void create_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void show_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void change_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void delete_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void add_messages(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void show_message(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void change_message(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void delete_message(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void start_answers(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void follow_answer(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void stop_answer(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void export_conversation(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void export_all(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);
void import_conversations(Api& api, HttpRequest&& request, std::shared_ptr<Exchange> exchange);

/// All of them, /health, /version, /metrics, /openapi.json and the page. `api` outlives them.
std::vector<Route> routes(Api& api);

/// The description of the interface (OpenAPI 3.1).
std::string_view openapi_json();

/// Counts and logs the members of a request that nobody read.
void note_unknown(Api& api, const Fields& fields, std::string_view request_id);

/// The reply to what the engine did not take: 429 where too many wait already.
HttpResponse refusal(const Error& failure);

/// A reply of JSON.
HttpResponse json_reply(const Json& json);

/// A text of a client as the model gets it: control tokens that are written in it count as such, and BOS stands in
/// front once where the model wants one and `adds_bos`.
struct ClientTokens {
    std::vector<engine::Token> tokens;
    bool has_added_bos = false;
};
ClientTokens tokens_of_text(const engine::Model& model, std::string_view text, bool adds_bos);

/// Checks token ids that a client sent.
std::vector<engine::Token> checked_tokens(const Json& ids, const engine::Model& model, const std::string& path);

}  // namespace urial::serve
