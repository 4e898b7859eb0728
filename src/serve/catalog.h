#pragma once

// The models that a server has, each with its engine thread, and the prompts that they answer under. A request names
// both: "gemma-3-270m" (the default prompt), "gemma-3-270m@urial-help", "gemma-3-270m@raw", "gemma-3-270m@chat".
// Thread-safe.

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/prompts.h"
#include "base/mutex.h"
#include "generate/generate.h"
#include "generate/worker.h"

namespace urial::serve {

/// A prompt that the server was started with, for all models.
struct OfferedPrompt {
    std::string name;
    std::string description;
    app::FormMaker form;
};

class ServedModel {
public:
    struct Options {
        std::string name;
        engine::SessionOptions session;  ///< sequences, prefixes and cells included
        std::size_t context_tokens = 0;  ///< the most of one request, prompt and answer
        std::size_t most_waiting = 0;    ///< requests
        bool shares = true;              ///< tokens of one request may serve the next (false: --no-sharing)
    };
    /// Throws what makes a session impossible.
    ServedModel(std::shared_ptr<const engine::Model> model, Options options);

    const std::string& name() const { return options_.name; }
    /// False: it is the model without the adapters that its weights were loaded with.
    bool uses_adapters() const { return options_.session.use_adapters; }
    const engine::Model& model() const { return *model_; }
    std::shared_ptr<const engine::Model> shared_model() const { return model_; }
    generate::Worker& worker() { return worker_; }
    std::size_t context_tokens() const { return options_.context_tokens; }
    bool shares() const { return options_.shares; }

    /// Made ready at its first use. Throws Error{BadInput} where the prompt does not go with the model.
    std::shared_ptr<const generate::PreparedPrompt> prompt(const OfferedPrompt& offered);
    /// Of a specification that came with a request, whose text it is; the last few are kept.
    std::shared_ptr<const generate::PreparedPrompt> prompt_of(const std::string& text, const prompt::PromptSpec& spec);

private:
    using Prepared = std::shared_ptr<const generate::PreparedPrompt>;
    std::shared_ptr<const engine::Model> model_;
    Options options_;
    generate::Worker worker_;
    Mutex mutex_;
    std::map<std::string, Prepared, std::less<>> prompts_ GUARDED_BY(mutex_);
    std::deque<std::pair<std::string, Prepared>> given_ GUARDED_BY(mutex_);  // by their text, the last used first
};

/// What a request's "model" stands for.
struct Target {
    ServedModel* model = nullptr;
    const OfferedPrompt* prompt = nullptr;
    std::string name;           ///< as it is written in the answer
    bool names_prompt = false;  ///< false: the prompt is the default
};

class Catalog {
public:
    /// The first prompt is the default; so is the first model, for requests that name none. Neither list is empty.
    Catalog(std::vector<std::unique_ptr<ServedModel>> models, std::vector<OfferedPrompt> prompts);

    /// Throws RequestError 404 "model_not_found" with the names that there are.
    Target find(std::string_view name) const;
    const std::vector<std::unique_ptr<ServedModel>>& models() const { return models_; }
    const std::vector<OfferedPrompt>& prompts() const { return prompts_; }
    /// nullptr: there is none of this name.
    const OfferedPrompt* find_prompt(std::string_view name) const;
    /// Every name that a request may give.
    std::vector<std::string> names() const;

private:
    std::vector<std::unique_ptr<ServedModel>> models_;
    std::vector<OfferedPrompt> prompts_;
};

}  // namespace urial::serve
