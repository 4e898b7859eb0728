#include "serve/serve.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "serve/api.h"

namespace urial::serve {
namespace {

constexpr int kDefaultContext = 4096;
constexpr int kUsualAnswer = 1024;  // cells of a conversation, beside what it shares
constexpr int kScoredRows = 32;     // of a prompt in one batch
constexpr int kKeptPrefixes = 16;   // conversations and prompts that are not in use

/// The prompts that were named, then the built-in ones and the model's own chat form.
std::vector<OfferedPrompt> offered_prompts(const std::vector<app::PromptChoice>& choices) {
    std::vector<OfferedPrompt> prompts;
    std::set<std::string> names;
    const auto add = [&](const app::PromptChoice& choice, bool is_named) {
        OfferedPrompt offered{.name = choice.prompt, .description = {}, .form = app::open_prompt(choice, {})};
        if (choice.prompt == app::kChatPrompt) {
            offered.description = "the model's own chat template";
        } else {
            const prompt::PromptSpec spec = app::open_in_context_prompt(choice);
            offered.name = spec.name;
            offered.description = spec.description;
        }
        if (names.insert(offered.name).second) {
            prompts.push_back(std::move(offered));
        } else if (is_named) {
            throw error(ErrorKind::BadInput, "two prompts are called {}: give one of them another name in its file",
                        printable(offered.name));
        }
    };
    for (const app::PromptChoice& choice : choices) add(choice, true);
    for (const std::string& name : prompt::builtin_names()) add({.prompt = name}, false);
    add({.prompt = std::string(app::kChatPrompt)}, false);
    return prompts;
}

void check_names(const std::vector<NamedModel>& models) {
    std::set<std::string> names;
    for (const NamedModel& model : models) {
        if (model.name.empty() || model.name.find('@') != std::string::npos) {
            throw error(ErrorKind::BadInput, "{}: a model's name must have at least one character, and no '@'",
                        printable(model.name));
        }
        if (!names.insert(model.name).second) {
            throw error(ErrorKind::BadInput, "two models are called {}: name them with -m NAME=SPEC",
                        printable(model.name));
        }
    }
}

/// Weights, which several served models may have in common: one without the adapters and one with them.
class Weights {
public:
    Weights(const std::vector<NamedModel>& models, const app::ModelChoice& loading)
        : models_(models), loading_(loading) {}

    std::string spec_of(const NamedModel& model) const {
        for (const NamedModel& other : models_) {
            if (&other != &model && other.name == model.spec && other.spec != model.name) return other.spec;
        }
        return model.spec;
    }

    std::shared_ptr<const engine::Model> open(const NamedModel& model, int rows, const app::Callbacks& callbacks) {
        const std::string spec = spec_of(model);
        const std::vector<std::string> adapters = model.adapters.empty() ? adapters_for(spec) : model.adapters;
        std::shared_ptr<const engine::Model>& weights = loaded_[{spec, adapters}];
        if (!weights) {
            app::ModelChoice choice = loading_;
            choice.model = spec;
            choice.adapters = adapters;
            weights = app::open_model(choice, callbacks, engine::Purpose::Fast, rows);
        }
        return weights;
    }

private:
    /// Of the first model that has these weights and adapters: the plain model is the same file without them.
    std::vector<std::string> adapters_for(const std::string& spec) const {
        for (const NamedModel& model : models_) {
            if (!model.adapters.empty() && spec_of(model) == spec) return model.adapters;
        }
        return {};
    }

    const std::vector<NamedModel>& models_;
    const app::ModelChoice& loading_;
    std::map<std::pair<std::string, std::vector<std::string>>, std::shared_ptr<const engine::Model>> loaded_;
};

std::unique_ptr<ServedModel> make_served(const NamedModel& named, std::shared_ptr<const engine::Model> model,
                                         const ServeOptions& options) {
    ServedModel::Options served;
    served.name = named.name;
    const int trained = model->info().training_context;
    const int context = options.context > 0 ? options.context : std::min(trained, kDefaultContext);
    served.context_tokens = static_cast<std::size_t>(context);
    served.session = app::session_options(options.loading, {});
    served.session.sequences = options.parallel;
    served.session.prefixes = static_cast<int>(options.prompts.size()) + options.parallel + kKeptPrefixes;
    served.session.context_tokens =
        options.cache_tokens > 0 ? options.cache_tokens : context + options.parallel * kUsualAnswer;
    served.session.logit_rows = std::max(options.parallel, kScoredRows);
    served.session.use_adapters = !named.adapters.empty();
    served.most_waiting = options.most_waiting;
    served.shares = options.sharing;
    return std::make_unique<ServedModel>(std::move(model), std::move(served));
}

std::unique_ptr<store::ConversationStore> open_store(const ServeOptions& options) {
    try {
        return std::make_unique<store::ConversationStore>(store::StoreOptions{.folder = options.data});
    } catch (const Error& failure) {
        const bool is_passing = failure.kind() == ErrorKind::Unavailable || failure.kind() == ErrorKind::Io;
        if (options.needs_data || !is_passing) throw;
        app::tell(
            options.warning,
            fmt::format("{}\nConversations are kept in memory alone; --data names a folder for them", failure.what()));
        return std::make_unique<store::ConversationStore>(store::StoreOptions{});
    }
}

}  // namespace

struct Server::State {
    explicit State(ServeOptions given)
        : options(std::move(given)),
          prompts(offered_prompts(options.prompts)),
          api{.shows_metrics = options.metrics, .log = options.log},
          http((check_names(options.models), options.http), routes(api)) {
        api.store = open_store(options);
        api.answers = std::make_unique<AnswerDesk>(*api.store, DeskOptions{.log = options.log});
    }

    ServeOptions options;
    std::vector<OfferedPrompt> prompts;
    Api api;
    HttpServer http;
};

Server::Server(ServeOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Server::~Server() = default;

std::uint16_t Server::port() const { return state_->http.port(); }
void Server::run() { state_->http.run(); }
void Server::stop() {
    state_->api.answers->stop_all();
    state_->http.stop();
}
std::vector<std::string> Server::names() const { return state_->api.catalog->names(); }

void Server::load(const app::Callbacks& callbacks) {
    const ServeOptions& options = state_->options;
    Weights weights(options.models, options.loading);
    std::vector<std::unique_ptr<ServedModel>> models;
    for (const NamedModel& named : options.models) {
        models.push_back(make_served(named, weights.open(named, options.parallel, callbacks), options));
    }
    for (const auto& model : models) {
        for (std::size_t i = 0; i < options.prompts.size(); ++i) {
            const auto prompt = model->prompt(state_->prompts[i]);
            if (!prompt->prefix().empty()) model->worker().pin(prompt->prefix());
        }
    }
    Api& api = state_->api;
    api.catalog = std::make_unique<Catalog>(std::move(models), state_->prompts);
    api.shift = std::make_unique<ShiftDesk>();
    api.is_ready = true;
}

}  // namespace urial::serve
