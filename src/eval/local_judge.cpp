// A request becomes tokens on the thread that asks; a worker has the session and runs the requests of all threads. What
// a rubric says to every answer is a constant part, which the session keeps while its requests come.

#include "eval/local_judge.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "generate/worker.h"

namespace urial::eval {
namespace {

using engine::Token;

/// More rows ride along with one step than in a batch of answers: what a judge reads is longer than what it writes.
constexpr int kBatchRows = 512;

/// Texts that begin as differently as text can: what follows the constant part never changes the tokens that their
/// tokenisations share.
constexpr std::string_view kProbes[] = {"The", "0", " x", "\n\n1", "\xE4\xBD\xA0"};

/// Rubrics that are asked in turns, each with its own system text and constant part.
constexpr int kPrefixes = 4;

using Prefix = std::shared_ptr<const std::vector<Token>>;

JudgeReply failed(std::string message, bool retryable) {
    JudgeReply reply;
    reply.failure = JudgeFailure{.retryable = retryable, .message = std::move(message), .retry_after = std::nullopt};
    return reply;
}

JudgeReply reply_of(const generate::Result& result) {
    if (result.finish == generate::FinishReason::Cancelled) return failed("interrupted", true);
    if (result.failure) return failed(result.failure->what(), result.failure->kind() == ErrorKind::Model);
    JudgeReply reply;
    reply.text = result.text;
    reply.usage = Usage{result.prompt_tokens, result.completion_tokens};
    return reply;
}

class LocalJudge final : public Judge {
public:
    LocalJudge(std::shared_ptr<const engine::Model> model, const LocalJudgeOptions& options,
               engine::ChatTemplate chat_template)
        : model_(std::move(model)),
          options_(options),
          template_(std::move(chat_template)),
          name_(options.name.empty() ? model_->info().name : options.name),
          takes_system_(engine::takes_system_message(*model_, template_)),
          worker_(model_, session_options()) {}

    const std::string& name() const override { return name_; }

    std::size_t count_tokens(const JudgeRequest& request, const Json&) const override {
        return tokenize(request).size();
    }

    JudgeReply ask(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) override {
        generate::Request asked;
        asked.tokens = tokenize(request);
        asked.constant = engine::common_length(asked.tokens, *prefix_of(request));
        if (!schema.is_null()) asked.constraint = model_->new_grammar(reply_grammar(schema, options_.grammar));
        asked.sampling.max_tokens = static_cast<int>(max_tokens);
        JudgeReply reply = reply_of(worker_.submit(std::move(asked))->result());
        reply.request = describe(request, schema, max_tokens);
        return reply;
    }

    void interrupt() override { worker_.interrupt(); }

private:
    engine::SessionOptions session_options() const {
        engine::SessionOptions session = options_.session;
        session.sequences = options_.parallel;
        session.prefixes = kPrefixes;
        session.context_tokens = options_.context_tokens;
        session.batch_rows = kBatchRows;
        return session;
    }

    std::vector<engine::ChatMessage> messages_of(const std::string& system, const std::string& user) const {
        if (system.empty()) return {{"user", user}};
        std::vector<engine::ChatMessage> messages{{"system", system}, {"user", user}};
        return takes_system_ ? messages : engine::system_in_front_of_user(std::move(messages));
    }

    std::vector<Token> tokenize(const JudgeRequest& request) const {
        return engine::chat_tokens(*model_, template_, messages_of(request.system, request.user));
    }

    Prefix prefix_of(const JudgeRequest& request) {
        const std::string constant = request.user.substr(0, request.constant_bytes);
        const MutexLock lock(prefixes_mutex_);
        Prefix& prefix = prefixes_[{request.system, constant}];
        if (prefix) return prefix;
        std::vector<Token> shared = tokenize(request);
        for (const std::string_view probe : kProbes) {
            const JudgeRequest other{request.system, constant + std::string(probe), 0};
            shared.resize(engine::common_length(shared, tokenize(other)));
        }
        return prefix = std::make_shared<const std::vector<Token>>(std::move(shared));
    }

    std::string describe(const JudgeRequest& request, const Json& schema, std::size_t max_tokens) const {
        Json messages = Json::array();
        for (const engine::ChatMessage& message : messages_of(request.system, request.user)) {
            messages.push_back({{"role", message.role}, {"content", message.content}});
        }
        Json json{{"model", name_}, {"model_sha256", model_->info().content_hash}, {"temperature", 0}};
        json["max_tokens"] = max_tokens;
        json["text_characters"] = options_.grammar.text_characters;
        json["messages"] = std::move(messages);
        json["schema"] = schema;
        return json.dump();
    }

    const std::shared_ptr<const engine::Model> model_;
    const LocalJudgeOptions options_;
    const engine::ChatTemplate template_;
    const std::string name_;
    const bool takes_system_;
    Mutex prefixes_mutex_;
    // By system text and constant part.
    std::map<std::pair<std::string, std::string>, Prefix> prefixes_ GUARDED_BY(prefixes_mutex_);
    generate::Worker worker_;
};

}  // namespace

std::unique_ptr<Judge> open_local_judge(std::shared_ptr<const engine::Model> model, LocalJudgeOptions options) {
    std::optional<engine::ChatTemplate> form = options.chat_template;
    if (!form) form = engine::find_chat_template(*model);
    if (!form) {
        throw error(ErrorKind::BadInput,
                    "{}: a base model (its file has no chat template), so it cannot judge: a judge is a chat model",
                    model->info().name);
    }
    return std::make_unique<LocalJudge>(std::move(model), options, std::move(*form));
}

}  // namespace urial::eval
